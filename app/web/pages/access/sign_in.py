"""Signing in and out, and the language of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, redirect, request, session, url_for

from app.capacity.formats import LANGUAGES
from app.web.pages.access.session import SignIn, SignInError, own_path
from app.web.pages.forms.campaign import SignInForm
from app.web.pages.rendering import page

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse


def add(blueprint: Blueprint, auth: SignIn) -> None:
    """Put the routes on the blueprint."""

    @blueprint.get("/sign-in", endpoint="sign_in")
    def ask() -> Response:
        form = SignInForm(next=own_path(request.args.get("next")))
        return page("sign_in.html", form=form, refused=None, ended="ended" in request.args)

    @blueprint.post("/sign-in", endpoint="sign_in_now")
    def sign_in_now() -> AnyResponse:
        form = SignInForm()
        if not form.validate():
            return page("sign_in.html", status=400, form=form, refused=None, ended=False)
        try:
            auth.sign_in(form.name.data or "", form.secret.data or "")
        except SignInError as error:
            return page("sign_in.html", status=error.status, form=form, refused=error.reason, ended=False)
        return redirect(own_path(form.next.data), 303)

    @blueprint.post("/sign-out", endpoint="sign_out")
    def leave() -> AnyResponse:
        auth.sign_out()
        return redirect(url_for("pages.sign_in"), 303)

    @blueprint.get("/language/<code>", endpoint="speak")
    def speak(code: str) -> AnyResponse:
        if code in LANGUAGES:
            session["language"] = code
            session.permanent = True
        return redirect(own_path(request.args.get("back")), 303)
