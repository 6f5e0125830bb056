// CommonJS, in sloppy mode, with a module asked for by a computed name.
const path = require("path");
undeclared = 1;
exports.handler = async () => ({
  dirname: path.basename(__dirname),
  filename: path.basename(__filename),
  computed: typeof require("o" + "s").cpus,
  undeclared,
});
