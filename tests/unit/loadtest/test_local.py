"""A search on one machine takes the options of a search, as one against a host does."""

from loadtest.local import local


def test_options_of_the_search_pass_through() -> None:
    context = local.make_context("local", ["--demo", "8080", "--start-rps", "20", "--any-source"])
    assert context.params["demo_port"] == 8080
    assert context.params["more"] == ("--start-rps", "20", "--any-source")
