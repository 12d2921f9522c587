// Connects the page to the app. The address of the page contains the token, so all addresses are relative to it.
const address = new URL("ws", window.location.href);
address.protocol = "ws:";
document.getElementById("terminal").dataset.sessionWebsocketUrl = address.href;
document.getElementById("again").addEventListener("click", () => window.location.reload());
// textual.js, which is loaded before, has made the terminal by then: the user can type without a click.
window.addEventListener("load", () => document.querySelector(".xterm-helper-textarea").focus());
// textual.js sets the class when the connection ends; a failure of the app is shown in place of the usual notice.
new MutationObserver(async (_changes, observer) => {
  if (!document.body.classList.contains("-closed")) return;
  observer.disconnect();
  const failure = await fetch("failure").then((answer) => answer.text(), () => "");
  if (failure) document.getElementById("ending").textContent = failure;
}).observe(document.body, { attributes: true, attributeFilter: ["class"] });
