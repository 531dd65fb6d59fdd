// What the pages need beyond the theme's scripts. No network, no modules: works from file://.

// Sphinx's search fetches the found pages to quote them, which a browser refuses to do with files.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// A box that scrolls sideways must be reachable with the keyboard, unless it is folded away.
function setTabStops() {
  const boxes = ".formula, .pst-scrollable-table-container, .bd-article pre";
  for (const box of document.querySelectorAll(boxes)) {
    const scrolls = box.scrollWidth > box.clientWidth;
    box.tabIndex = scrolls && !box.closest(".toggle-hidden") ? 0 : -1;
  }
}

window.addEventListener("load", setTabStops);
window.addEventListener("resize", setTabStops);
document.addEventListener("click", setTabStops); // it may have unfolded a solution
