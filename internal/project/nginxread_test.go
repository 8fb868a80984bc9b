package project

import (
	"strings"
	"testing"
)

func TestReadNginx(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":              {"", ""},
		"a directive":          {"user www-data;", "user www-data"},
		"two on a line":        {"a 1; b 2;", "a 1|b 2"},
		"over lines":           {"log_format main\n  '$a'\n  '$b';", "log_format main $a $b"},
		"blocks":               {"http { server { listen 80; } }\nx 1;", "http|http/server|http/server/listen 80|x 1"},
		"a comment":            {"# a { b;\na 1; # } c;\nb 2;", "a 1|b 2"},
		"no comment":           {"a b#c;", "a b#c"},
		"quotes":               {`a "b; {c}" 'd # e' "f\"g";`, `a b; {c} d # e f\"g`},
		"a variable in braces": {"set $a ${b}c;", "set $a ${b}c"},
		"a pattern":            {`location ~ \.php$ { fastcgi_pass php:9000; }`, `location ~ \.php$|location ~ \.php$/fastcgi_pass php:9000`},
		"windows":              {"a 1;\r\nb 2;\r\n", "a 1|b 2"},
		"no end":               {"a { b 1", "a|a/b 1"},
		"too many ends":        {"a 1; } } b 2;", "a 1|b 2"},
		"an open quote":        {"a \"b\nc 1;", "a b c 1"},
		"an open variable":     {"a ${b", "a $|a $/b"},
		"a backslash":          {`a \`, `a \`},
	} {
		var got []string
		for _, d := range readNginx(c.text) {
			got = append(got, strings.Join(append(d.inside, headOf(d.words)), "/"))
			for _, w := range d.words {
				if line := strings.Split(c.text, "\n")[w.line-1]; !strings.Contains(line[w.from:w.to], w.text) {
					t.Errorf("%s: %q is not at its place, there is %q", name, w.text, line[w.from:w.to])
				}
			}
		}
		if text := strings.Join(got, "|"); text != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, text, c.want)
		}
	}
}

// FuzzReadNginx: whatever is mounted into a front is read to its end.
func FuzzReadNginx(f *testing.F) {
	f.Add("http { upstream a { server b:80; } server { location / { proxy_pass \"http://${a}\"; } } }")
	f.Add("} ' \\")
	f.Fuzz(func(t *testing.T, text string) {
		r := nginxRewrite{files: [][]nginxDirective{readNginx(text)}, names: []string{"b", "a"}, port: 80, socket: "/s"}
		r.find()
		for _, e := range lineEdits(frontFile{text: text}, 0, r.changes) {
			if !strings.Contains(e.Lines[0], "unix:/s") {
				t.Errorf("%q", e.Lines[0])
			}
		}
	})
}
