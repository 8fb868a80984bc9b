package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Limits of one call of git.
const (
	localWait  = time.Minute
	moveWait   = 10 * time.Minute // files are written
	remoteWait = 10 * time.Minute
	// endWait is how long git may take to end once it was told to.
	endWait = 5 * time.Second
	// maxOutput bounds what is kept of its output; a list of files fits.
	maxOutput = 1 << 20
)

// GitError is a call of git that failed.
type GitError struct {
	Arguments []string
	Output    string // of its error stream
	Advice    string // what to do, if it is known
	Err       error
}

func (e *GitError) Error() string {
	text := "git " + strings.Join(e.Arguments, " ")
	if e.Output != "" {
		return text + ": " + e.Output
	}
	return text + ": " + e.Err.Error()
}

func (e *GitError) Unwrap() error { return e.Err }

// Hint is what to do, empty if that is not known.
func (e *GitError) Hint() string { return e.Advice }

// git runs one command in the checkout and returns its output.
func (c *Checkout) git(ctx context.Context, wait time.Duration, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	command := exec.CommandContext(ctx, "git", append([]string{"-C", c.Directory}, arguments...)...)
	command.Env, command.SysProcAttr = c.owner.environment(), c.owner.process()
	// It leads a session of its own: what it started, such as ssh, ends with it,
	// and finds no terminal to ask on.
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGTERM) }
	command.WaitDelay = endWait
	output, failures := &capped{}, &capped{}
	command.Stdout, command.Stderr = output, failures
	err := command.Run()
	if err == nil && output.cut {
		err = errors.New("its output is too long")
	}
	if err == nil {
		return output.String(), nil
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("did not end within %s: %w", wait, ctx.Err())
	}
	said := strings.TrimSpace(failures.String())
	return "", &GitError{Arguments: arguments, Output: said, Advice: advice(said), Err: err}
}

// advices are the usual reasons for which git fails on a server.
var advices = []struct{ reason, what string }{
	{"dubious ownership", "run gapless as the owner of the checkout or as root"},
	{"could not read Username", "store credentials for the remote, or use an ssh key: nobody can be asked here"},
	{"terminal prompts disabled", "store credentials for the remote, or use an ssh key: nobody can be asked here"},
	{"Permission denied (publickey", "the owner of the checkout needs an ssh key that the remote knows"},
	{"Host key verification failed", "connect once with ssh as the owner of the checkout, and check the key"},
	{"untracked working tree files", "move these files away, or add them to the repository"},
	{"index.lock", "another git works in this checkout, or one died: then remove the file"},
}

func advice(said string) string {
	for _, known := range advices {
		if strings.Contains(said, known.reason) {
			return known.what
		}
	}
	return ""
}

// capped keeps the beginning of an output.
type capped struct {
	bytes.Buffer
	cut bool
}

func (c *capped) Write(text []byte) (int, error) {
	room := maxOutput - c.Len()
	if len(text) > room {
		c.cut = true
		c.Buffer.Write(text[:max(0, room)])
		return len(text), nil
	}
	return c.Buffer.Write(text)
}

// owner is who git runs as; nil for whoever this process runs as. Files that
// root would leave in somebody's checkout could not be written by him later,
// and his keys are the ones that the remote knows.
type owner struct {
	user.User
	uid, gid uint32
}

// ownerOf is the owner of a directory if this process can become him.
func ownerOf(directory string) (*owner, error) {
	info, err := os.Stat(directory)
	if err != nil {
		return nil, err
	}
	status, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || status.Uid == 0 {
		return nil, nil
	}
	known, err := user.LookupId(strconv.Itoa(int(status.Uid)))
	if err != nil {
		return nil, nil // nobody of that number: git says what it makes of it
	}
	return &owner{User: *known, uid: status.Uid, gid: status.Gid}, nil
}

func (o *owner) process() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setsid: true}
	if o == nil {
		return attributes
	}
	credential := &syscall.Credential{Uid: o.uid, Gid: o.gid}
	if primary, err := strconv.ParseUint(o.Gid, 10, 32); err == nil {
		credential.Gid = uint32(primary)
	}
	if groups, err := o.GroupIds(); err == nil {
		for _, group := range groups {
			if number, err := strconv.ParseUint(group, 10, 32); err == nil {
				credential.Groups = append(credential.Groups, uint32(number))
			}
		}
	}
	attributes.Credential = credential
	return attributes
}

// environment is that of this process, without what would lead git elsewhere
// or make it ask.
func (o *owner) environment() []string {
	environment := []string{"GIT_TERMINAL_PROMPT=0", "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0"}
	replaced := []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_TERMINAL_PROMPT", "LC_ALL", "GIT_OPTIONAL_LOCKS"}
	if o != nil {
		environment = append(environment, "HOME="+o.HomeDir, "USER="+o.Username, "LOGNAME="+o.Username)
		replaced = append(replaced, "HOME", "USER", "LOGNAME", "XDG_CONFIG_HOME")
	}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !slices.Contains(replaced, name) {
			environment = append(environment, entry)
		}
	}
	return environment
}
