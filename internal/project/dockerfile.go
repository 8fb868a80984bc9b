package project

import (
	"bufio"
	"bytes"
	"cmp"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// maxDockerfileBytes bounds the reading of a Dockerfile: it is evidence, and
// the builder judges it.
const maxDockerfileBytes = 256 << 10

// dockerfileOf reads the Dockerfile of a build, empty when it cannot be read.
func dockerfileOf(build *types.BuildConfig) string {
	if build == nil || isRemote(build.Context) {
		return ""
	}
	if build.DockerfileInline != "" {
		return build.DockerfileInline
	}
	content, err := readLimited(dockerfilePath(build), maxDockerfileBytes)
	if err != nil {
		return ""
	}
	return string(content)
}

// dockerfilePath is the file that a build follows, empty when there is none on
// this host.
func dockerfilePath(build *types.BuildConfig) string {
	if build == nil || isRemote(build.Context) || build.DockerfileInline != "" {
		return ""
	}
	return absolute(build.Context, cmp.Or(build.Dockerfile, "Dockerfile"))
}

// baseImage returns the image that the built stage starts from. Stages that
// build upon each other are followed; variables are not resolved.
func baseImage(build *types.BuildConfig) string {
	content := []byte(dockerfileOf(build))
	if len(content) == 0 {
		return ""
	}
	bases, stage := stages(content)
	if build.Target != "" {
		stage = strings.ToLower(build.Target)
	}
	for range len(bases) {
		base := bases[stage]
		if _, isStage := bases[strings.ToLower(base)]; !isStage {
			break
		}
		stage = strings.ToLower(base)
	}
	if base := bases[stage]; !strings.Contains(base, "$") {
		return base
	}
	return ""
}

// stages maps the stages of a Dockerfile to what they start from, and names
// the last one.
func stages(dockerfile []byte) (bases map[string]string, last string) {
	bases = map[string]string{}
	scanner := bufio.NewScanner(bytes.NewReader(dockerfile))
	for scanner.Scan() {
		var words []string
		for _, word := range strings.Fields(scanner.Text()) {
			if !strings.HasPrefix(word, "--") {
				words = append(words, word)
			}
		}
		if len(words) < 2 || !strings.EqualFold(words[0], "FROM") {
			continue
		}
		last = words[1] + "\n" // a name that no stage can have
		if len(words) >= 4 && strings.EqualFold(words[2], "AS") {
			last = strings.ToLower(words[3])
		}
		bases[last] = words[1]
	}
	return bases, last
}
