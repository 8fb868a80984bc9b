package edge

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"gapless/internal/edge/wire"
)

// maxControlBody bounds one control message in bytes.
const maxControlBody = 8 << 20

// control is the API of the control socket.
func (e *Edge) control() http.Handler {
	mux := http.NewServeMux()
	root := "/v" + strconv.Itoa(wire.Version)
	handle := func(pattern string, do func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
			result, err := do(r)
			reply(w, result, err)
		})
	}
	handle("GET "+root+"/health", e.getHealth)
	handle("GET "+root+"/stats", e.getStats)
	handle("GET "+root+"/projects", e.getProjects)
	handle("GET "+root+"/projects/{project}", e.getProject)
	handle("PUT "+root+"/projects/{project}", e.putProject)
	handle("DELETE "+root+"/projects/{project}", e.deleteProject)
	handle("PUT "+root+"/projects/{project}/addresses", e.putAddresses)
	handle("PUT "+root+"/projects/{project}/holds/{lease}", e.putHold)
	handle("DELETE "+root+"/projects/{project}/holds/{lease}", e.deleteHold)
	handle("GET "+root+"/targets/{target}", e.getTarget)
	handle("POST "+root+"/targets/{target}/close-idle", e.closeIdle)
	handle("/", func(*http.Request) (any, error) { return nil, errUnsupported })
	return mux
}

var errUnsupported = errors.New("the edge does not know this request")

var refusals = []struct {
	err    error
	code   string
	status int
}{
	{errInvalid, wire.CodeInvalid, http.StatusBadRequest},
	{errConflict, wire.CodeConflict, http.StatusConflict},
	{errBind, wire.CodeBind, http.StatusConflict},
	{errUnknown, wire.CodeUnknown, http.StatusNotFound},
	{errOutdated, wire.CodeOutdated, http.StatusConflict},
	{errPersist, wire.CodePersist, http.StatusInsufficientStorage},
	{errUnsupported, wire.CodeUnsupported, http.StatusNotImplemented},
}

func reply(w http.ResponseWriter, result any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err == nil {
		json.NewEncoder(w).Encode(result)
		return
	}
	code, status := wire.CodeInvalid, http.StatusBadRequest
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			code, status = r.code, r.status
			break
		}
	}
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(wire.Refusal{Code: code, Error: err.Error()})
}

// decode refuses unknown fields: a caller that means something must not be ignored.
func decode(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return errors.Join(errInvalid, err)
	}
	return nil
}

func (e *Edge) getProjects(*http.Request) (any, error) {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	return slices.Sorted(maps.Keys(e.store.projects)), nil
}

func (e *Edge) getProject(r *http.Request) (any, error) {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	config, known := e.store.projects[r.PathValue("project")]
	if !known {
		return nil, errUnknown
	}
	return wire.ProjectState{ProjectConfig: config, Generation: e.store.generation}, nil
}

func (e *Edge) putProject(r *http.Request) (any, error) {
	var request wire.PutRequest
	if err := decode(r, &request); err != nil {
		return nil, err
	}
	if request.Config.Project != r.PathValue("project") {
		return nil, errors.Join(errInvalid, errors.New("the path names another project than the body"))
	}
	maxWait := time.Duration(request.BindMaxWaitMilliseconds) * time.Millisecond
	if maxWait <= 0 {
		maxWait = defaultBindWait
	}
	generation, err := e.putIf(request.IfGeneration, request.Config, request.WaitBind, maxWait)
	if err != nil {
		return nil, err
	}
	return wire.PutResponse{Generation: generation, Listeners: e.listeners.states()}, nil
}

func (e *Edge) deleteProject(r *http.Request) (any, error) {
	generation, err := e.remove(r.PathValue("project"))
	return wire.ReleaseResponse{Generation: generation}, err
}

func (e *Edge) putAddresses(r *http.Request) (any, error) {
	var request wire.AddressRequest
	if err := decode(r, &request); err != nil {
		return nil, err
	}
	generation, err := e.readdress(r.PathValue("project"), request.Addresses)
	return wire.ReleaseResponse{Generation: generation}, err
}

func (e *Edge) putHold(r *http.Request) (any, error) {
	var request wire.HoldRequest
	if err := decode(r, &request); err != nil {
		return nil, err
	}
	return e.hold(r.PathValue("project"), r.PathValue("lease"), request)
}

func (e *Edge) deleteHold(r *http.Request) (any, error) {
	generation, err := e.release(r.PathValue("project"), r.PathValue("lease"))
	return wire.ReleaseResponse{Generation: generation}, err
}

func (e *Edge) getTarget(r *http.Request) (any, error) {
	sum := wire.InFlight{Target: r.PathValue("target")}
	for _, t := range e.targetsOf(sum.Target) {
		sum.Known = true
		sum.Requests += t.inFlight()
		sum.Tunnels += t.tunnels.Load()
		sum.Idle += t.pool.size()
		sum.Claimable = sum.Claimable || !t.draining()
	}
	return sum, nil
}

func (e *Edge) closeIdle(r *http.Request) (any, error) {
	for _, t := range e.targetsOf(r.PathValue("target")) {
		t.pool.closeAll()
	}
	return e.getTarget(r)
}

// targetsOf finds every address under which a container is known.
func (e *Edge) targetsOf(id string) (found []*target) {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	for _, t := range e.store.targets {
		if t.key.id == id {
			found = append(found, t)
		}
	}
	return found
}
