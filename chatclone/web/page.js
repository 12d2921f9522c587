// Connects the page to the app. The address of the page holds the token, so everything is asked for below it.
const address = new URL("ws", window.location.href);
address.protocol = "ws:";
document.getElementById("terminal").dataset.sessionWebsocketUrl = address.href;
document.getElementById("again").addEventListener("click", () => window.location.reload());
// textual.js, which comes before this, has made the terminal by then: one can write without a click.
window.addEventListener("load", () => document.querySelector(".xterm-helper-textarea").focus());
