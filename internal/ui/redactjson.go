package ui

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
)

// stringLiteral is a text of a JSON document. Nothing else there has quotes.
var stringLiteral = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// RedactedJSON encodes a value, and takes the secrets out of each of its texts: in
// the document as a whole, a secret could be torn by an escape, and a name and a
// value could be taken for a password that is none.
func RedactedJSON(value any, redactor *Redactor) ([]byte, error) {
	content, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	content = stringLiteral.ReplaceAllFunc(content, func(literal []byte) []byte {
		var text string
		if json.Unmarshal(literal, &text) != nil {
			return []byte(`"` + redacted + `"`)
		}
		shown := redactor.Redact(text)
		if shown == text {
			return literal
		}
		changed, err := json.Marshal(shown)
		if err != nil {
			return []byte(`"` + redacted + `"`)
		}
		return changed
	})
	return cleanJSON(content), nil
}

// WriteJSON writes a value as one line of JSON without secrets.
func WriteJSON(to io.Writer, value any, redactor *Redactor) error {
	content, err := RedactedJSON(value, redactor)
	if err != nil {
		return err
	}
	_, err = to.Write(append(bytes.TrimSpace(content), '\n'))
	return err
}

// redactAll takes the secrets out of each text.
func redactAll(texts []string, redact func(string) string) []string {
	var shown []string
	for _, text := range texts {
		shown = append(shown, redact(text))
	}
	return shown
}
