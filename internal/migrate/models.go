package migrate

import (
	"bytes"
	"compress/zlib"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// djangoFacts is run by an image's own Django. It changes nothing.
//
//go:embed django_facts.py
var djangoFacts string

// What the script is asked for.
const (
	askModels     = "models"     // of its code; needs no database
	askMigrations = "migrations" // that are due, and the models
	askSQL        = "sql"        // the same with their statements, as far as Django writes them
)

// facts is what a Django application says of itself.
type facts struct {
	Connection connection `json:"connection"`
	Models     []model    `json:"models"`
	Due        []due      `json:"due"`
}

// connection is where its default database is.
type connection struct {
	Vendor string `json:"vendor"`
	Host   string `json:"host"`
	Port   string `json:"port"`
	Name   string `json:"name"`
}

// model is a table as the code knows it.
type model struct {
	Label   string  `json:"label"`
	Table   string  `json:"table"`
	Columns []field `json:"columns"`
}

// field is a column as the code knows it.
type field struct {
	Name string  `json:"name"`
	Null bool    `json:"null"`
	Type *string `json:"type"` // nil: it cannot be told
}

// due is a migration that has not run.
type due struct {
	Name       string      `json:"name"` // app/migration
	Atomic     bool        `json:"atomic"`
	Operations []operation `json:"operations"`
	SQL        *string     `json:"sql"` // nil: not asked, or Django cannot write it now
}

// operation is one of its parts.
type operation struct {
	Kind       string `json:"kind"`
	Text       string `json:"text"`
	Reversible bool   `json:"reversible"`
	Code       bool   `json:"code"` // it runs Python
}

// factsCommand is the command that asks an image.
func factsCommand(framework []string, want string) []string {
	// Names that functions of the script use must be global to them, which they
	// are not in every version of the shell.
	script := fmt.Sprintf(`exec(%s, {"want": %q})`, strconv.QuoteToASCII(djangoFacts), want)
	return append(slices.Clone(framework), "shell", "-c", script)
}

// factsMark begins the lines of the answer. Whatever else the application prints
// is not one of them.
const factsMark = "gapless-facts:"

// maxFactsBytes bounds the answer of an image.
const maxFactsBytes = 64 << 20

// parseFacts reads the answer.
func parseFacts(printed []string) (facts, error) {
	var encoded strings.Builder
	for _, line := range printed {
		if part, is := strings.CutPrefix(strings.TrimSpace(line), factsMark); is {
			encoded.WriteString(part)
		}
	}
	var found facts
	if encoded.Len() == 0 {
		return found, errors.New("it printed nothing that is understood")
	}
	packed, err := base64.StdEncoding.DecodeString(encoded.String())
	if err != nil {
		return found, fmt.Errorf("what it printed is torn: %w", err)
	}
	unpacked, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return found, err
	}
	text, err := io.ReadAll(io.LimitReader(unpacked, maxFactsBytes))
	if err != nil {
		return found, err
	}
	return found, json.Unmarshal(text, &found)
}
