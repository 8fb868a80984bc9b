package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
)

// ComposeFile is what the audience calls it.
const ComposeFile = "docker-compose.prod.yml"

// Stack is one deployment: a checkout on a server, with a project name, a
// port, a state directory and a directory of sockets of its own.
type Stack struct {
	Project   string
	Port      int    // of nginx, on the host
	Directory string // the checkout
	State     string // of Gapless
	home      string // holds all of these
	script    string
}

// New makes a checkout with changes applied to it. Nothing runs yet; Up
// deploys it, and Remove takes everything away.
func New(ctx context.Context, changes ...string) (*Stack, error) {
	root, err := repository()
	if err != nil {
		return nil, err
	}
	script := filepath.Join(root, "test/stack/stack.sh")
	if err := images(ctx, script); err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp("", "stack")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &Stack{Project: filepath.Base(home), Port: port, Directory: filepath.Join(home, "tours"),
		State: filepath.Join(home, "state"), home: home, script: script}
	if _, err := s.output(ctx, script, "new", s.Directory); err != nil {
		return nil, errors.Join(err, s.Remove())
	}
	err = s.Set(ctx, "COMPOSE_PROJECT_NAME="+s.Project, fmt.Sprintf("HTTP_PORT=%d", port), "APP_IMAGE="+s.Project+"-app",
		"SOCKETS="+filepath.Join(home, "sockets"))
	for _, change := range changes {
		if err == nil {
			err = s.Apply(ctx, change)
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.Remove())
	}
	return s, nil
}

// repository finds the top of this module's tree.
func repository() (string, error) {
	directory, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; directory = filepath.Dir(directory) {
		if _, err := os.Stat(filepath.Join(directory, "go.mod")); err == nil {
			return directory, nil
		}
		if directory == filepath.Dir(directory) {
			return "", errors.New("stack: not inside of this module's tree")
		}
	}
}

var (
	imagesOnce  sync.Once
	imagesError error
)

// images makes what the stack runs on, once per process.
func images(ctx context.Context, script string) error {
	imagesOnce.Do(func() {
		var output bytes.Buffer
		command := exec.CommandContext(ctx, script, "images")
		command.Stdout, command.Stderr = &output, &output
		if err := command.Run(); err != nil {
			imagesError = fmt.Errorf("stack.sh images: %w\n%s", err, output.String())
		}
	})
	return imagesError
}

// lastPort is the port that was given out last. Those that the kernel takes for
// outgoing connections are higher, those of other tests lower.
var lastPort atomic.Int32

func init() { lastPort.Store(27_000 + int32(os.Getpid()%4_000)) }

// freePort gives each caller another port that nobody listens on.
func freePort() (int, error) {
	for range 1000 {
		port := int(lastPort.Add(1))
		if listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port)); err == nil {
			return port, listener.Close()
		}
	}
	return 0, errors.New("stack: no port is free")
}

// Address is that of nginx on the host.
func (s *Stack) Address() string { return fmt.Sprintf("http://127.0.0.1:%d", s.Port) }

// Command prepares a program as an administrator runs it: in the checkout.
func (s *Stack) Command(ctx context.Context, name string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, name, arguments...)
	if _, err := os.Stat(s.Directory); err == nil {
		command.Dir = s.Directory
	}
	command.Env = append(os.Environ(), "COMPOSE_FILE="+ComposeFile, "GAPLESS_STATE_DIR="+s.State, "GAPLESS_PROGRESS=plain")
	return command
}

// Compose calls the real docker compose and returns what it printed.
func (s *Stack) Compose(ctx context.Context, arguments ...string) (string, error) {
	return s.output(ctx, "docker", append([]string{"compose"}, arguments...)...)
}

// Deploy runs a script of the application's own deploy/ directory, which is
// how it is updated without Gapless, and returns what it printed.
func (s *Stack) Deploy(ctx context.Context, script string) (string, error) {
	return s.output(ctx, filepath.Join(s.Directory, "deploy", script+".sh"))
}

// Up deploys for the first time and returns when nginx serves the API.
func (s *Stack) Up(ctx context.Context) error {
	_, err := s.output(ctx, s.script, "up", s.Directory)
	return err
}

// output runs a program and returns its standard output; an error has both
// streams.
func (s *Stack) output(ctx context.Context, name string, arguments ...string) (string, error) {
	command := s.Command(ctx, name, arguments...)
	var said, complained bytes.Buffer
	command.Stdout, command.Stderr = &said, &complained
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(arguments, " "), err, said.String(), complained.String())
	}
	return said.String(), nil
}
