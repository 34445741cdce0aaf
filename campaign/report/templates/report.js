// Draws the figures with Vega-Embed and binds the page's controls to the parameters of the charts.
(() => {
  "use strict";
  const specs = JSON.parse(document.getElementById("figures").textContent);
  const options = {
    mode: "vega-lite",
    renderer: "svg",
    actions: false,
    ast: true, // interpret expressions, because the content security policy forbids eval
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true, theme: "page" },
  };
  const state = { each_seed: false, hidden: [] };
  const views = [];

  const apply = (view) => {
    for (const [name, value] of Object.entries(state)) {
      try {
        view.signal(name, value);
      } catch {
        // The chart does not have this parameter.
      }
    }
    return view.runAsync();
  };

  const draw = async (target) => {
    const spec = specs[target.dataset.figure];
    const { view } = await vegaEmbed(target, spec, options);
    views.push(view);
    await apply(view);
    target.dataset.drawn = "true";
  };

  const drawAll = async () => {
    for (const target of document.querySelectorAll("[data-figure]")) {
      try {
        await draw(target);
      } catch (error) {
        target.textContent = "This figure could not be drawn: " + error.message;
        console.error(error);
      }
      await new Promise((resume) => setTimeout(resume)); // yields to the browser between figures
    }
    document.documentElement.dataset.ready = "true";
  };

  const applyAll = () => views.forEach(apply);

  for (const box of document.querySelectorAll("input[data-each-seed]")) {
    box.addEventListener("change", () => {
      state.each_seed = box.checked;
      applyAll();
    });
  }
  for (const button of document.querySelectorAll("button[data-condition]")) {
    button.addEventListener("click", () => {
      const label = button.dataset.condition;
      const hide = !state.hidden.includes(label);
      state.hidden = hide ? [...state.hidden, label] : state.hidden.filter((other) => other !== label);
      button.setAttribute("aria-pressed", String(!hide));
      applyAll();
    });
  }
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((details) => (details.open = true)));

  document.documentElement.classList.remove("no-script");
  requestAnimationFrame(() => setTimeout(drawAll)); // after the first paint of the text
})();
