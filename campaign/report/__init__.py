"""Reports of a campaign as HTML, Markdown, JSON and figures."""
