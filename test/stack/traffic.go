package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"gapless/test/load"
)

// Traffic is the load that the tests put on the application: 100 requests per
// second, 20 % POST, half of them on fresh connections; a page is followed by
// the hashed static file that it names, as a browser does.
func (s *Stack) Traffic() load.Config {
	config := load.Default(s.Address())
	config.RatePerSecond = 100
	config.Headers = load.HeaderNames{Request: "X-Request-Id", Version: "Tours-Version", Instance: "Tours-Instance"}
	config.CompareJournal = false // Account reads the database instead
	config.Targets = []load.Target{
		{Name: "page", Weight: 20, Method: http.MethodGet, Path: "/", Check: checkPage, Follow: styleSheet},
		{Name: "list", Weight: 45, Method: http.MethodGet, Path: "/api/tours/", Check: checkList},
		{Name: "version", Weight: 10, Method: http.MethodGet, Path: "/version"},
		{Name: "health", Weight: 5, Method: http.MethodGet, Path: "/health/"},
		post("post-small", 15, 0),
		post("post-16k", 5, 16<<10),
	}
	return config
}

func post(name string, weight, noteBytes int) load.Target {
	return load.Target{
		Name: name, Weight: weight, Method: http.MethodPost, Path: "/api/tours/", Journalled: true,
		Body: func(id string) []byte {
			return fmt.Appendf(nil, `{"name":"tour %s","note":%q}`, id, strings.Repeat("x", noteBytes))
		},
		Check: checkPost,
	}
}

func checkPost(id string, answer *load.Answer) error {
	var tour struct {
		Name    string `json:"name"`
		Request string `json:"request"`
		Bytes   int    `json:"bytes"`
	}
	if err := json.Unmarshal(answer.Body, &tour); err != nil {
		return err
	}
	if tour.Request != id || tour.Name != "tour "+id || tour.Bytes != len(answer.Sent) {
		return fmt.Errorf("sent %s of %d bytes, was answered %s (%s) of %d", id, len(answer.Sent), tour.Request, tour.Name, tour.Bytes)
	}
	return nil
}

func checkList(_ string, answer *load.Answer) error {
	var list struct {
		Tours []struct {
			Name *string `json:"name"`
		} `json:"tours"`
	}
	if err := json.Unmarshal(answer.Body, &list); err != nil {
		return err
	}
	for _, tour := range list.Tours {
		if tour.Name == nil {
			return errors.New("a tour without a name")
		}
	}
	return nil
}

var styleSheetLink = regexp.MustCompile(`href="(/static/tours/site\.[0-9a-f]{12}\.css)"`)

func checkPage(_ string, answer *load.Answer) error {
	if !styleSheetLink.Match(answer.Body) {
		return errors.New("the page names no hashed style sheet")
	}
	return nil
}

func styleSheet(page *load.Answer) *load.Target {
	link := styleSheetLink.FindSubmatch(page.Body)
	return &load.Target{Name: "style-sheet", Method: http.MethodGet, Path: string(link[1])}
}
