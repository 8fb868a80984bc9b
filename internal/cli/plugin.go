package cli

import (
	"encoding/json"
	"slices"
)

// pluginMetadata is what the docker command asks of its plugins, as fixed by
// docker/cli, cli-plugins/metadata.
type pluginMetadata struct {
	SchemaVersion    string
	Vendor           string
	Version          string
	ShortDescription string
}

// pluginArgs turns the command line of a plugin into ours: docker hands over
// its own global flags first and then the name of the plugin.
func (a *app) pluginArgs(args []string) (rest []string, handled bool) {
	if slices.Equal(args, []string{"docker-cli-plugin-metadata"}) {
		text, err := json.Marshal(pluginMetadata{
			SchemaVersion: "0.1.0", Vendor: "Gapless", Version: Version,
			ShortDescription: "Update a Compose application with no gap in service",
		})
		if err != nil {
			panic(err) // four strings always marshal
		}
		_, _ = a.out.Write(append(text, '\n'))
		return nil, true
	}
	at := slices.Index(args, "gapless")
	if at < 0 {
		return args, false
	}
	return append(dockerFlags(args[:at]), args[at+1:]...), false
}

// dockerFlags keeps those of docker's global flags that we know too.
func dockerFlags(args []string) []string {
	var kept []string
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-H", "--host", "-c", "--context":
			if i+1 < len(args) {
				flag := map[string]string{"-H": "--host", "-c": "--context"}[args[i]]
				if flag == "" {
					flag = args[i]
				}
				kept = append(kept, flag, args[i+1])
				i++
			}
		}
	}
	return kept
}
