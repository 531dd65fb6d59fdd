// Typesets TeX with MathJax outside a browser, for book_math.py.
// Reads one JSON value per line, answers with one line each:
//   {"tex": "...", "display": true}  ->  {"html": "..."} or {"error": "..."}
//   "stylesheet"                     ->  {"css": "..."}
// Arguments: the folder of MathJax, the folder of its fonts as the stylesheet will see it.

const [mathjaxFolder, fontURL] = process.argv.slice(2);
const lines = require("readline").createInterface({ input: process.stdin });

require(`${mathjaxFolder}/node-main.js`)
  .init({
    loader: { load: ["input/tex", "output/chtml", "a11y/assistive-mml", "adaptors/liteDOM"] },
    tex: {
      packages: ["base", "ams", "newcommand"],
      formatError(_, error) {
        throw error; // a mistake in the TeX is reported at build time, not shown to the reader
      },
    },
    // Every rule of the font: a page that is not rebuilt still needs the rules it used before.
    chtml: { fontURL, adaptiveCSS: false },
  })
  .then((MathJax) => {
    const { adaptor } = MathJax.startup;

    function answer(request) {
      if (request === "stylesheet") return { css: adaptor.textContent(MathJax.chtmlStylesheet()) };
      try {
        const { tex, display } = request;
        return { html: adaptor.outerHTML(MathJax.tex2chtml(tex, { display })) };
      } catch (error) {
        return { error: error.message };
      }
    }

    lines.on("line", (line) => console.log(JSON.stringify(answer(JSON.parse(line)))));
  });
