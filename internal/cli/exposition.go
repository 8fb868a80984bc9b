package cli

import (
	"fmt"
	"strconv"
	"strings"
)

// exposition is a page in the text format of Prometheus, version 0.0.4.
type exposition struct{ text strings.Builder }

// metric begins the samples of one name.
func (x *exposition) metric(name, kind, help string) {
	fmt.Fprintf(&x.text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// sample writes one value; labels are names and values in turn.
func (x *exposition) sample(name string, value float64, labels ...string) {
	x.text.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		separator := ","
		if i == 0 {
			separator = "{"
		}
		fmt.Fprintf(&x.text, `%s%s="%s"`, separator, labels[i], escapeLabel.Replace(strings.ToValidUTF8(labels[i+1], "?")))
	}
	if len(labels) > 1 {
		x.text.WriteByte('}')
	}
	x.text.WriteString(" " + strconv.FormatFloat(value, 'g', -1, 64) + "\n")
}

var escapeLabel = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
