package notify

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// The longest texts that the services take as they are.
const (
	maxSlack   = 3000
	maxDiscord = 1900
	maxNtfy    = 3500 // bytes: of a longer one ntfy makes a file
)

// forSlack escapes what Slack takes for mentions and links.
var forSlack = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func (c *Channel) slack(ctx context.Context, message Message) error {
	text := forSlack.Replace(cut(message.Title+"\n"+message.Text, maxSlack))
	return c.postJSON(ctx, map[string]any{"text": text, "mrkdwn": false, "unfurl_links": false})
}

// discord puts the later message of a run in the place of the one before, which it
// knows by the number that Discord gave it.
func (c *Channel) discord(ctx context.Context, message Message) (string, error) {
	// A code block takes nothing for markup but its own end.
	text := strings.ReplaceAll(cut(message.Text, maxDiscord-len([]rune(message.Title))), "```", "'''")
	body, err := json.Marshal(map[string]any{
		"content":          message.Title + "\n```\n" + text + "\n```",
		"allowed_mentions": map[string]any{"parse": []string{}},
	})
	if err != nil {
		return "", err
	}
	header := map[string]string{"Content-Type": "application/json"}
	if discordNumber.MatchString(message.Earlier) {
		address, err := c.beside("/messages/" + message.Earlier)
		if err != nil {
			return "", err
		}
		_, err = c.post(ctx, http.MethodPatch, address, header, body)
		if gone := new(statusError); !errors.As(err, &gone) || gone.code != http.StatusNotFound {
			return message.Earlier, err
		} // somebody has deleted it: another one is told
	}
	address, err := c.beside("")
	if err != nil {
		return "", err
	}
	answer, err := c.post(ctx, http.MethodPost, address, header, body)
	if err != nil {
		return "", err
	}
	var made struct{ ID string }
	if json.Unmarshal(answer, &made) != nil || !discordNumber.MatchString(made.ID) {
		return "", nil // taken; a later message will be another one
	}
	return made.ID, nil
}

var discordNumber = regexp.MustCompile(`^[0-9]{1,20}$`)

// beside is the address of Discord with a further path, which answers when the
// message is there.
func (c *Channel) beside(path string) (string, error) {
	address, err := url.Parse(string(c.target.URL))
	if err != nil {
		return "", ErrNoAddress
	}
	address.Path = strings.TrimSuffix(address.Path, "/") + path
	query := address.Query()
	query.Set("wait", "true")
	address.RawQuery = query.Encode()
	return address.String(), nil
}

// ntfy names the run, by which ntfy from 2.16 on puts a later message in the place
// of the earlier one; older ones show both.
func (c *Channel) ntfy(ctx context.Context, message Message) error {
	header := map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "Title": mime.QEncoding.Encode("utf-8", message.Title),
		"X-Sequence-ID": message.Thread, "Tags": "white_check_mark",
	}
	if message.Urgent {
		header["Priority"], header["Tags"] = "high", "warning"
	}
	if c.target.Secret != "" {
		header["Authorization"] = "Bearer " + string(c.target.Secret)
	}
	text := message.Text
	for len(text) > maxNtfy {
		text = cut(text, len([]rune(text))-1-(len(text)-maxNtfy)/4)
	}
	_, err := c.post(ctx, http.MethodPost, string(c.target.URL), header, []byte(text))
	return err
}

// postJSON posts a value to the address.
func (c *Channel) postJSON(ctx context.Context, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = c.post(ctx, http.MethodPost, string(c.target.URL), map[string]string{"Content-Type": "application/json"}, body)
	return err
}
