package project

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// Phrases are words that follow each other in a command, not necessarily side
// by side: "celery beat" is found in `celery -A shop beat -l info`.
var (
	schedulerPhrases = []string{
		"celery beat", "celerybeat", "crond", "cron", "supercronic", "schedule:work", "schedule:run", "rqscheduler",
		"rq scheduler", "clockwork", "airflow scheduler", "apscheduler", "ofelia", "rufus-scheduler", "go-cron", "scheduler",
	}
	workerPhrases = []string{
		"celery worker", "sidekiq", "queue:work", "queue:listen", "horizon", "rq worker", "rqworker", "dramatiq",
		"run_huey", "huey_consumer", "huey_consumer.py", "resque", "jobs:work", "delayed_job", "good_job", "solid_queue", "solid_queue:start",
		"messenger:consume", "arq", "faust worker", "qcluster", "db_worker", "procrastinate worker", "airflow worker",
		"background_jobs", "bullmq", "temporal worker", "worker", "celery multi",
	}
	webPhrases = []string{
		"gunicorn", "uvicorn", "daphne", "hypercorn", "granian", "uwsgi", "waitress-serve", "runserver", "puma", "unicorn",
		"rails server", "rails s", "thrust", "php-fpm", "apache2-foreground", "octane:start", "frankenphp", "artisan serve",
		"flask run", "fastapi run", "next start", "nuxt start", "http-server", "serve", "phx.server",
	}
)

var wordEnd = regexp.MustCompile(`[\s;&|"'(){}=,]+`)

// commandWords splits entrypoint and command into words, with paths reduced to
// the program's name.
func commandWords(config types.ServiceConfig) []string {
	var found []string
	for _, argument := range append(append([]string{}, config.Entrypoint...), config.Command...) {
		for _, word := range wordEnd.Split(argument, -1) {
			if slash := strings.LastIndexByte(word, '/'); slash >= 0 {
				word = word[slash+1:]
			}
			if word != "" {
				found = append(found, word)
			}
		}
	}
	return found
}

// findPhrase returns the first phrase whose words all occur in this order.
func findPhrase(words []string, phrases []string) string {
	for _, phrase := range phrases {
		rest := strings.Fields(phrase)
		for _, word := range words {
			if len(rest) > 0 && strings.EqualFold(trimExtension(word), rest[0]) {
				rest = rest[1:]
			}
		}
		if len(rest) == 0 {
			return phrase
		}
	}
	return ""
}

// trimExtension makes worker.py and worker.js the word worker.
func trimExtension(word string) string {
	for _, extension := range []string{".py", ".js", ".mjs", ".ts", ".rb", ".php", ".sh"} {
		if base, found := strings.CutSuffix(word, extension); found {
			return base
		}
	}
	return word
}

var bindAddress = regexp.MustCompile(`(?:^|\s)(?:-b|--bind|--http|-H|--listen)[\s=]+\S*?:(\d{2,5})\b`)

var bindPort = regexp.MustCompile(`(?:^|\s)(?:-p|--port|--http-port)[\s=]+(\d{2,5})\b`)

var runserver = regexp.MustCompile(`\brunserver(?:_plus)?\s+(?:\S*:)?(\d{2,5})\b`)

// commandPort finds the port that a server is told to listen on, 0 when the
// command does not say it.
func commandPort(config types.ServiceConfig) int {
	line := strings.Join(append(append([]string{}, config.Entrypoint...), config.Command...), " ")
	for _, pattern := range []*regexp.Regexp{bindAddress, bindPort, runserver} {
		if match := pattern.FindStringSubmatch(line); match != nil {
			return validPort(match[1])
		}
	}
	return 0
}

// validPort parses a port number, 0 when it is none.
func validPort(text string) int {
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return 0
	}
	return port
}
