// Package edgectl talks to a running edge and installs it.
//
// It owns the client side of the control and probe sockets, and the description of the
// container that the edge runs in. It must not decide what to route, and it knows no
// Docker code: whoever can create containers implements ContainerHost.
package edgectl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"gapless/internal/edge/wire"
)

// Sentinels that a caller acts on. The refusals of the edge wrap one of them.
var (
	// ErrNotRunning means that nobody answers on the control socket.
	ErrNotRunning = errors.New("the edge is not running")
	// ErrConflict means that another project claims the same host and path.
	ErrConflict = errors.New("refused: claimed by another project")
	// ErrBind means that the edge cannot listen on an address.
	ErrBind = errors.New("refused: cannot listen")
	// ErrInvalid means that the edge does not accept the configuration.
	ErrInvalid = errors.New("refused: not valid")
	// ErrUnknown means that the edge knows no such project, service or lease.
	ErrUnknown = errors.New("refused: unknown")
	// ErrPersist means that the edge could not save the change and did not make it.
	ErrPersist = errors.New("refused: cannot be saved")
	// ErrOutdated means that the edge was changed since the generation of a put.
	ErrOutdated = errors.New("refused: changed meanwhile")
	// ErrIncompatible means that the edge speaks another version of the protocol.
	ErrIncompatible = errors.New("the running edge speaks another protocol version")
)

var sentinels = map[string]error{
	wire.CodeConflict: ErrConflict, wire.CodeBind: ErrBind, wire.CodeInvalid: ErrInvalid,
	wire.CodeUnknown: ErrUnknown, wire.CodeOutdated: ErrOutdated, wire.CodePersist: ErrPersist, wire.CodeUnsupported: ErrIncompatible,
}

// controlMaxWait bounds one call on the control socket.
const controlMaxWait = 30 * time.Second

// maxReply bounds an answer of the edge in bytes.
const maxReply = 64 << 20

// Client talks to the edge that owns a state directory.
type Client struct {
	directory string
	http      *http.Client
}

// New returns a client; nothing is opened until it is used.
func New(stateDirectory string) *Client {
	return &Client{
		directory: stateDirectory,
		http: &http.Client{
			Timeout:   controlMaxWait,
			Transport: socketTransport(filepath.Join(stateDirectory, wire.ControlSocketName)),
		},
	}
}

func socketTransport(path string) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
		MaxIdleConnsPerHost: 1,
		// A pooled connection must not outlive an edge that restarts.
		IdleConnTimeout:    time.Second,
		DisableCompression: true,
	}
}

// Health tells the state of the edge, ErrNotRunning when there is none.
func (c *Client) Health(ctx context.Context) (wire.Health, error) {
	var health wire.Health
	err := c.call(ctx, http.MethodGet, "/health", nil, &health)
	return health, err
}

// PutOptions say what happens when an address is still taken.
type PutOptions struct {
	// WaitBind lets the edge take over the address as soon as it is free, trying for
	// BindMaxWait (60 s when zero). Otherwise the put is refused with ErrBind.
	WaitBind    bool
	BindMaxWait time.Duration
	// IfGeneration refuses the put with ErrOutdated if the edge is at another
	// generation; 0 does not ask.
	IfGeneration uint64
}

// Put replaces what one project asks of the edge and returns when it is in force and
// saved.
func (c *Client) Put(ctx context.Context, config wire.ProjectConfig, options PutOptions) (wire.PutResponse, error) {
	var response wire.PutResponse
	request := wire.PutRequest{
		Config: config, WaitBind: options.WaitBind,
		BindMaxWaitMilliseconds: options.BindMaxWait.Milliseconds(),
		IfGeneration:            options.IfGeneration,
	}
	err := c.call(ctx, http.MethodPut, projectPath(config.Project), request, &response)
	return response, err
}

// Get returns what a project asked of the edge, or ErrUnknown.
func (c *Client) Get(ctx context.Context, projectName string) (wire.ProjectConfig, error) {
	state, err := c.State(ctx, projectName)
	return state.ProjectConfig, err
}

// State returns it with the generation of the edge; 0 if the edge does not tell it.
func (c *Client) State(ctx context.Context, projectName string) (wire.ProjectState, error) {
	var state wire.ProjectState
	err := c.call(ctx, http.MethodGet, projectPath(projectName), nil, &state)
	return state, err
}

// Projects lists the names of all projects that the edge serves.
func (c *Client) Projects(ctx context.Context) ([]string, error) {
	var names []string
	err := c.call(ctx, http.MethodGet, "/projects", nil, &names)
	return names, err
}

// Delete makes the edge forget a project.
func (c *Client) Delete(ctx context.Context, projectName string) error {
	return c.call(ctx, http.MethodDelete, projectPath(projectName), nil, nil)
}

// Readdress tells where the containers of a project are now, by target ID. An empty
// address says that a container does not run. No route is moved.
func (c *Client) Readdress(ctx context.Context, projectName string, addresses map[string]string) error {
	return c.call(ctx, http.MethodPut, projectPath(projectName)+"/addresses", wire.AddressRequest{Addresses: addresses}, nil)
}

// InFlight tells what a container still has to do, also after it left the snapshot.
func (c *Client) InFlight(ctx context.Context, targetID string) (wire.InFlight, error) {
	var state wire.InFlight
	err := c.call(ctx, http.MethodGet, targetPath(targetID), nil, &state)
	return state, err
}

// CloseIdle closes the edge's idle connections to a container.
func (c *Client) CloseIdle(ctx context.Context, targetID string) (wire.InFlight, error) {
	var state wire.InFlight
	err := c.call(ctx, http.MethodPost, targetPath(targetID)+"/close-idle", nil, &state)
	return state, err
}

// Stats returns the counters of one project, or of all when the name is empty.
func (c *Client) Stats(ctx context.Context, projectName string) (wire.Stats, error) {
	var stats wire.Stats
	err := c.call(ctx, http.MethodGet, "/stats?project="+url.QueryEscape(projectName), nil, &stats)
	return stats, err
}

func projectPath(name string) string { return "/projects/" + url.PathEscape(name) }

func targetPath(id string) string { return "/targets/" + url.PathEscape(id) }

// call makes one request; refusals come back as their sentinel with the edge's words.
func (c *Client) call(ctx context.Context, method, path string, send, receive any) error {
	var body io.Reader
	if send != nil {
		content, err := json.Marshal(send)
		if err != nil {
			return err
		}
		body = bytes.NewReader(content)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://edge/v"+strconv.Itoa(wire.Version)+path, body)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return notRunning(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil {
		return fmt.Errorf("read the edge's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return refusal(content, response.Status)
	}
	if receive == nil {
		return nil
	}
	return json.Unmarshal(content, receive)
}

func notRunning(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	return fmt.Errorf("ask the edge: %w", err)
}

func refusal(content []byte, status string) error {
	var said wire.Refusal
	if err := json.Unmarshal(content, &said); err != nil {
		return fmt.Errorf("the edge answered %s", status)
	}
	if sentinel := sentinels[said.Code]; sentinel != nil {
		return fmt.Errorf("%w: %s", sentinel, said.Error)
	}
	return errors.New(said.Error)
}
