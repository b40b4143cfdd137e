// Prints what AWS's own language service (of its Toolkit for editors) says of a definition, as a JSON list of texts.
// node language_service.cjs FOLDER_WITH_NODE_MODULES DEFINITION
const { readFileSync } = require("node:fs");
const load = require("node:module").createRequire(`${process.argv[2]}/`);
const { getLanguageService, TextDocument } = load("amazon-states-language-service");

const text = readFileSync(process.argv[3], "utf8");
const service = getLanguageService({});
const file = TextDocument.create("file:///definition.asl.json", "json", 1, text);
service.doValidation(file, service.parseJSONDocument(file)).then((found) => {
  console.log(JSON.stringify(found.map((each) => `line ${each.range.start.line + 1}: ${each.message}`)));
});
