// The button of the recovery sheet: without script the browser's own menu prints.

const button = document.getElementById("print");
button.hidden = false;
button.addEventListener("click", () => print());
