"""The planner's pages, for people who send mail: server-rendered, in Korean and English.

`pages` puts them on the planner's application. Each module is one page; `queries` is what they all ask, and
`setup` what surrounds them: the session, the language, protection, errors.
"""

from app.web.pages.setup import pages

__all__ = ["pages"]
