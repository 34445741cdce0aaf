"""HTML, Markdown and JSON reports of a campaign."""
