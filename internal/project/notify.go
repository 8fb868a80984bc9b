package project

import (
	"net"
	"strconv"
)

// notifyPath is where the channels stand in a compose file.
const notifyPath = settingsKey + ".notify"

// MaxChannels bounds the channels of a project.
const MaxChannels = 10

// NotifySettings is one channel of the notify block. What is secret about it is
// named, by a variable or a file, and never part of the compose file.
type NotifySettings struct {
	Kind       ChannelKind `yaml:"kind" doc:"what takes the message" enum:"webhook,slack,discord,ntfy,email"`
	On         []string    `yaml:"on" doc:"which results are told; all of them by default" enum:"committed,rolled_back,aborted,held" min:"1"`
	URLEnv     string      `yaml:"url_env" doc:"variable of the environment or of .env that holds the address; not for email" format:"variable"`
	URLFile    string      `yaml:"url_file" doc:"file that holds the address, read by its owner only; not for email"`
	SecretEnv  string      `yaml:"secret_env" doc:"variable that holds the key that a webhook is signed with, the access token of ntfy, or the password of email" format:"variable"`
	SecretFile string      `yaml:"secret_file" doc:"file that holds it, read by its owner only"`
	Server     string      `yaml:"server" doc:"mail server with its port, such as smtp.example.com:587; email only"`
	TLS        MailTLS     `yaml:"tls" doc:"starttls by default, tls from the first byte, or none, which only a server on this host gets; email only" enum:"starttls,tls,none"`
	User       string      `yaml:"user" doc:"name to sign in to the mail server with; email only"`
	From       string      `yaml:"from" doc:"sender; email only" format:"mail"`
	To         []string    `yaml:"to" doc:"receivers; email only" format:"mail" min:"1"`
}

// ChannelKind says what takes a message.
type ChannelKind string

// The kinds of channels.
const (
	ChannelWebhook ChannelKind = "webhook"
	ChannelSlack   ChannelKind = "slack"
	ChannelDiscord ChannelKind = "discord"
	ChannelNtfy    ChannelKind = "ntfy"
	ChannelEmail   ChannelKind = "email"
)

// MailTLS says how the way to a mail server is kept private.
type MailTLS string

// The ways.
const (
	MailStartTLS MailTLS = "starttls"
	MailTLSFirst MailTLS = "tls"
	MailPlain    MailTLS = "none"
)

// notify refuses channels that cannot work. Variables and files are read when
// something is to be told: a secret that is away is no reason not to update.
func (c *checker) notify(channels []NotifySettings) {
	if len(channels) > MaxChannels {
		c.fault(notifyPath, "", "more than %d channels", MaxChannels)
	}
	for i, channel := range channels {
		path := join(notifyPath, strconv.Itoa(i))
		switch channel.Kind {
		case "":
			c.fault(path, "add kind: webhook, slack, discord, ntfy or email", "%s does not say what takes the message", path)
		case ChannelEmail:
			c.mail(path, channel)
		default:
			c.address(path, channel)
		}
		if channel.SecretEnv != "" && channel.SecretFile != "" {
			c.fault(path+".secret_file", "write one of the two", "%s has both secret_env and secret_file", path)
		}
	}
}

// address checks a channel that is reached by an address.
func (c *checker) address(path string, channel NotifySettings) {
	if (channel.URLEnv == "") == (channel.URLFile == "") {
		c.fault(path, "write url_env: NAME of a variable, or url_file: PATH; the address itself is a secret", "%s needs either url_env or url_file", path)
	}
	if channel.Kind != ChannelWebhook && channel.Kind != ChannelNtfy {
		c.unfit(path, channel.Kind, map[string]bool{"secret_env": channel.SecretEnv != "", "secret_file": channel.SecretFile != ""})
	}
	c.unfit(path, channel.Kind, map[string]bool{"server": channel.Server != "", "tls": channel.TLS != "", "user": channel.User != "",
		"from": channel.From != "", "to": len(channel.To) > 0})
}

// mail checks a channel that is a mail server.
func (c *checker) mail(path string, channel NotifySettings) {
	c.unfit(path, channel.Kind, map[string]bool{"url_env": channel.URLEnv != "", "url_file": channel.URLFile != ""})
	host, port, err := net.SplitHostPort(channel.Server)
	if number, numberErr := strconv.Atoi(port); err != nil || numberErr != nil || host == "" || number < 1 || number > 65535 {
		c.fault(join(path, "server"), "write server: smtp.example.com:587", "%s needs a mail server with its port", path)
	}
	if channel.From == "" || len(channel.To) == 0 {
		c.fault(path, "write from: gapless@example.com and to: [ops@example.com]", "%s needs a sender and receivers", path)
	}
	secret := channel.SecretEnv != "" || channel.SecretFile != ""
	if (channel.User != "") != secret {
		c.fault(path, "write both, or neither", "%s needs user together with secret_env or secret_file", path)
	}
	if channel.TLS == MailPlain && host != "localhost" && !net.ParseIP(host).IsLoopback() {
		c.fault(path+".tls", "write starttls or tls", "%s would send mail in the clear to another host", path)
	}
}

// unfit refuses keys that mean nothing to a kind.
func (c *checker) unfit(path string, kind ChannelKind, keys map[string]bool) {
	for _, key := range sortedKeys(keys) {
		if keys[key] {
			c.fault(join(path, key), "remove it", "%s means nothing to %s", key, kind)
		}
	}
}
