"""Says by the public jsonschema which values a schema accepts: {schema, values} on standard input, a list of bools on standard output."""
import json
import sys

import jsonschema

given = json.load(sys.stdin)
jsonschema.Draft202012Validator.check_schema(given["schema"])
validator = jsonschema.Draft202012Validator(given["schema"])
json.dump([validator.is_valid(value) for value in given["values"]], sys.stdout)
