"""The app in a browser on this computer: a page behind a token, and a process of the app behind the page."""
