package notify

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/project"
)

// secretPath is the part of an address that nobody may read.
const secretPath = "/services/T0/sesame-open"

var message = Message{
	Thread: "run1", ID: "run1.rolled_back", Title: "shop: release 43 was taken back", Urgent: true,
	Text: "why: <!channel> ```b & c```", Payload: map[string]any{"project": "shop"},
}

// taken is what a service got.
type taken struct {
	method, uri string
	header      http.Header
	body        string
}

// service is a receiver on the loopback, which keeps what it gets.
func service(t *testing.T, answer http.HandlerFunc) (address string, got *[]taken) {
	t.Helper()
	got = &[]taken{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*got = append(*got, taken{r.Method, r.RequestURI, r.Header, string(body)})
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + secretPath, got
}

func channelTo(t *testing.T, kind project.ChannelKind, address, secret string) *Channel {
	t.Helper()
	channel, err := New(Target{Kind: kind, URL: Secret(address), Secret: Secret(secret)})
	if err != nil {
		t.Fatal(err)
	}
	channel.now = func() time.Time { return time.Unix(1_800_000_000, 0) }
	return channel
}

func TestWebhookIsSigned(t *testing.T) {
	address, got := service(t, nil)
	if _, err := channelTo(t, project.ChannelWebhook, address, "key").Send(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	one := (*got)[0]
	if one.method != "POST" || one.body != `{"project":"shop"}` || one.header.Get("X-Gapless-Delivery") != message.ID {
		t.Errorf("%+v", one)
	}
	want := "sha256=" + Sign("key", "1800000000", []byte(one.body))
	if one.header.Get("X-Gapless-Signature") != want || one.header.Get("X-Gapless-Timestamp") != "1800000000" {
		t.Errorf("signature %q, want %q", one.header.Get("X-Gapless-Signature"), want)
	}
	// As openssl dgst -sha256 -hmac key says of 1800000000.{"project":"shop"}
	if got := Sign("key", "1800000000", []byte(`{"project":"shop"}`)); got != wantSignature {
		t.Errorf("the signature is %s", got)
	}
}

func TestSlackTakesNothingForAMention(t *testing.T) {
	address, got := service(t, nil)
	if _, err := channelTo(t, project.ChannelSlack, address, "").Send(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal([]byte((*got)[0].body), &body); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"text": "shop: release 43 was taken back\nwhy: &lt;!channel&gt; ```b &amp; c```", "mrkdwn": false, "unfurl_links": false}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
}

// A run that was held and then ended is one message, not two.
func TestDiscordEditsItsMessage(t *testing.T) {
	address, got := service(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/messages/404") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, `{"id":"77"}`)
	})
	channel := channelTo(t, project.ChannelDiscord, address, "")
	for _, earlier := range []string{"", "77", "404", "../evil"} {
		next := message
		next.Earlier = earlier
		if sent, err := channel.Send(t.Context(), next); err != nil || sent != "77" {
			t.Errorf("after %q: %q, %v", earlier, sent, err)
		}
	}
	var asked []string
	for _, one := range *got {
		asked = append(asked, one.method+" "+one.uri)
	}
	post := "POST " + secretPath + "?wait=true"
	want := []string{post, "PATCH " + secretPath + "/messages/77?wait=true", "PATCH " + secretPath + "/messages/404?wait=true", post, post}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
	body := (*got)[0].body
	if !strings.Contains(body, `"allowed_mentions":{"parse":[]}`) || strings.Contains(body, "```b") {
		t.Error(body)
	}
}

func TestNtfy(t *testing.T) {
	address, got := service(t, nil)
	long := message
	long.Title, long.Text = "shop:\r\nX-Evil: 1 größer", strings.Repeat("ä", 5000)
	if _, err := channelTo(t, project.ChannelNtfy, address, "tk_1").Send(t.Context(), long); err != nil {
		t.Fatal(err)
	}
	one := (*got)[0]
	for name, want := range map[string]string{
		"Title": "=?utf-8?q?shop:__X-Evil:_1_gr=C3=B6=C3=9Fer?=", "X-Sequence-Id": "run1", "Priority": "high", "Authorization": "Bearer tk_1", "X-Evil": "",
	} {
		if one.header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, one.header.Get(name), want)
		}
	}
	if len(one.body) > maxNtfy || len(one.body) < maxNtfy-10 {
		t.Errorf("%d bytes", len(one.body))
	}
}

// Whatever goes wrong is said soon, in words, and without the address.
func TestFailuresAreBoundedAndSilentAboutSecrets(t *testing.T) {
	var followed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	t.Cleanup(elsewhere.Close)
	closed := httptest.NewServer(nil)
	closed.Close()
	over := make(chan struct{})
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		at     string
		want   string
	}{
		"silence": {answer: func(_ http.ResponseWriter, r *http.Request) { <-over }, want: "no answer within 5 s"},
		"redirect": {answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/x", http.StatusTemporaryRedirect)
		}, want: "307 Temporary Redirect: redirects are not followed, name the last address"},
		"no":         {answer: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secretPath, http.StatusForbidden) }, want: "403 Forbidden: is its address or its secret still right?"},
		"broken":     {answer: func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, want: "the connection was closed without an answer"},
		"no http":    {answer: func(w http.ResponseWriter, r *http.Request) { nonsense(w, r.RequestURI) }, want: "malformed HTTP"},
		"nobody":     {at: closed.URL + secretPath, want: "connection refused"},
		"metadata":   {at: "http://169.254.169.254" + secretPath, want: "leads to 169.254.169.254"},
		"public":     {at: "http://192.0.2.1" + secretPath, want: "use https"},
		"no tls":     {at: strings.Replace(elsewhere.URL, "http:", "https:", 1) + secretPath, want: "HTTP response to HTTPS client"},
		"no such":    {at: "http://gapless.invalid" + secretPath, want: "cannot be resolved"},
		"unlimited":  {answer: func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }, want: "headers exceeded"},
		"not a port": {at: "http://127.0.0.1:99999" + secretPath, want: "invalid port"},
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := service(t, c.answer)
			if c.at != "" {
				address = c.at
			}
			channel := channelTo(t, project.ChannelSlack, address, "")
			channel.resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, io.EOF }}
			if name == "silence" {
				channel.limit = 100 * time.Millisecond
				defer close(over)
			}
			_, err := channel.Send(t.Context(), message)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "/services") {
				t.Errorf("the address is said: %v", err)
			}
		})
	}
	if followed.Load() > 0 {
		t.Error("a redirect was followed")
	}
}

// nonsense answers with something that is no HTTP and repeats the address.
func nonsense(w http.ResponseWriter, uri string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_, _ = io.WriteString(conn, uri+" "+uri+"\r\n\r\n")
		conn.Close()
	}
}

// An answer is not read to its end, neither a large one nor one without an end.
func TestAnswersAreNotReadToTheirEnd(t *testing.T) {
	for _, kind := range []project.ChannelKind{project.ChannelWebhook, project.ChannelDiscord} {
		var wrote atomic.Int64
		ended := make(chan struct{})
		address, _ := service(t, func(w http.ResponseWriter, _ *http.Request) {
			defer close(ended)
			block := make([]byte, 1<<20)
			for range 100 {
				if _, err := w.Write(block); err != nil {
					return
				}
				wrote.Add(int64(len(block)))
			}
		})
		if _, err := channelTo(t, kind, address, "").Send(t.Context(), message); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		<-ended
		if wrote.Load() > 50<<20 {
			t.Errorf("%s: %d bytes were read", kind, wrote.Load())
		}
	}
	over := make(chan struct{})
	address, _ := service(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-over
	})
	channel := channelTo(t, project.ChannelDiscord, address, "")
	channel.limit = 100 * time.Millisecond
	if sent, err := channel.Send(t.Context(), message); err != nil || sent != "" {
		t.Errorf("a message that was taken: %q, %v", sent, err)
	}
	close(over)
}

// A resolver that hangs, and heeds no context, keeps nobody waiting.
func TestHungResolver(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	channel := channelTo(t, project.ChannelWebhook, "http://name.example"+secretPath, "")
	channel.limit = 50 * time.Millisecond
	channel.resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		<-over
		return nil, io.EOF
	}}
	if _, err := channel.Send(t.Context(), message); err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Error(err)
	}
}

// A proxy of the environment would see every address.
func TestNoProxy(t *testing.T) {
	channel := channelTo(t, project.ChannelWebhook, "https://name.example/x", "")
	if channel.client(false).Transport.(*http.Transport).Proxy != nil {
		t.Error("a proxy is asked")
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, address := range []string{"", "sesame", "ftp://x/sesame", "https://user:sesame@x/", "https:///sesame", "https://x/\x7fsesame"} {
		_, err := New(Target{Kind: project.ChannelSlack, URL: Secret(address)})
		if err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := New(Target{Kind: project.ChannelNtfy, URL: "https://ntfy.sh/"}); err == nil {
		t.Error("an ntfy without a topic")
	}
}

// Words of an address are words of messages, too.
func TestWhatOfAnAddressIsSecret(t *testing.T) {
	address := "https://hooks.slack.com/services/T0/B0/0123456789ab?x=1"
	want := []string{address, "key", "0123456789ab", "/services/T0/B0/0123456789ab?x=1"}
	if diff := cmp.Diff(want, Target{URL: Secret(address), Secret: "key"}.Secrets()); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsPrintAsStars(t *testing.T) {
	text, err := json.Marshal(Target{URL: "https://x/sesame", Secret: "sesame"})
	if err != nil || strings.Contains(string(text), "sesame") {
		t.Errorf("%s, %v", text, err)
	}
}

const wantSignature = "1cf355b86fbf58571f990444d0ef8012eaa3639198abced268346fcbc34dacdc"
