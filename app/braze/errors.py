"""The error that a template's author sees."""


class TemplateError(ValueError):
    """The template itself is wrong; the sentence says where and how to mend it.

    Raised both for what is wrong in every render (an unknown option) and for what only shows
    in one (headers that are no JSON once their Liquid is filled in).
    """
