package project

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaFile = "../../docs/x-gapless.schema.json"

// TestSchemaIsUpToDate fails when a setting was changed without go generate.
func TestSchemaIsUpToDate(t *testing.T) {
	want, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(SettingsSchema())); diff != "" {
		t.Errorf("run go generate ./internal/project:\n%s", diff)
	}
}

func TestSchemaCompiles(t *testing.T) {
	if _, err := jsonschema.NewCompiler().Compile(schemaFile); err != nil {
		t.Fatal(err)
	}
}
