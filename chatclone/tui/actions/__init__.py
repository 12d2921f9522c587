"""What can be done on the chat screen, a module for each kind of thing; `screens.chat` puts them together."""
