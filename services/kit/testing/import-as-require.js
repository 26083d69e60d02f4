/**
 * A Jest transform for a CommonJS package that imports Node.js modules dynamically: it requires them instead. Jest runs
 * `import()` only with an experimental flag.
 */
module.exports = {
  process: (source) => ({
    code: source
      .replace('"use strict";', '"use strict";const importAsRequire=async(name)=>require(name);')
      .replace(/\bimport\(/g, 'importAsRequire('),
  }),
};
