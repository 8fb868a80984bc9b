package health

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gapless/internal/update"
)

// maxOutputBytes is how much of a test's output is told.
const maxOutputBytes = 200

// testCommand turns the test of a healthcheck into a command, as Compose
// defines it: CMD, CMD-SHELL, or NONE, for which it returns nil.
func testCommand(test []string) ([]string, error) {
	if len(test) == 0 {
		return nil, errors.New("the healthcheck has no test")
	}
	switch test[0] {
	case "NONE":
		return nil, nil
	case "CMD":
		if len(test) < 2 {
			return nil, errors.New("the healthcheck's CMD has no command")
		}
		return test[1:], nil
	case "CMD-SHELL":
		if len(test) != 2 {
			return nil, errors.New("the healthcheck's CMD-SHELL must have exactly one string")
		}
		return []string{"/bin/sh", "-c", test[1]}, nil
	}
	return nil, fmt.Errorf("the healthcheck's test starts with %q, not with CMD, CMD-SHELL or NONE", test[0])
}

// lookExec runs the test of the healthcheck, without waiting for its interval.
func (g *Gate) lookExec(spec update.GateSpec, argv []string) look {
	return func(ctx context.Context, _ update.Container) answer {
		code, output, err := g.engine.Exec(ctx, spec.Container, argv, spec.Timeout)
		switch {
		case err != nil && missingExecutable(err.Error()), cannotBeRun(code, output):
			return cannotRun(argv, output, err)
		case err != nil:
			return answer{text: "healthcheck: " + sayError(err, spec.Timeout)}
		case code == 0:
			return answer{ok: true, text: "healthcheck passed"}
		}
		return answer{text: strings.TrimSuffix(fmt.Sprintf("healthcheck ended with code %d: %s", code, lastLine(output)), ": ")}
	}
}

// cannotBeRun recognizes the codes of a command that is not there. The runtime
// answers with the same codes if the container stops at that moment, of which
// the next look at the container tells.
func cannotBeRun(code int, output string) bool {
	return (code == 126 || code == 127) && (!strings.Contains(output, "OCI runtime") || missingExecutable(output))
}

// cannotRun gives a test up that no amount of waiting makes run.
func cannotRun(argv []string, output string, err error) answer {
	why := lastLine(output)
	if err != nil {
		why = lastLine(err.Error())
	}
	text := fmt.Sprintf("executable not found: %s is not in the image or cannot be run (%s)", argv[0], why)
	if argv[0] == "/bin/sh" && !missingExecutable(why) {
		text = fmt.Sprintf("executable not found: the shell says %q", why)
	}
	return answer{text: text, hopeless: "cannot run its healthcheck: " + text}
}

// missingExecutable recognizes what container runtimes say.
func missingExecutable(text string) bool {
	for _, sign := range []string{"executable file not found", "no such file or directory", "permission denied"} {
		if strings.Contains(text, sign) && (strings.Contains(text, "exec") || strings.Contains(text, "OCI runtime")) {
			return true
		}
	}
	return false
}

// lastLine returns the last line of an output that says something.
func lastLine(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	line := strings.TrimSpace(lines[len(lines)-1])
	if len(line) > maxOutputBytes {
		line = strings.ToValidUTF8(line[:maxOutputBytes], "") + "..."
	}
	return line
}
