package engine

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
)

// memoryAvailable reads how much memory the kernel could give out now without
// swapping, in bytes; 0 if it does not say.
func memoryAvailable() int64 {
	content, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	return parseMemoryAvailable(string(content))
}

func parseMemoryAvailable(content string) int64 {
	for line := range strings.Lines(content) {
		value, found := strings.CutPrefix(line, "MemAvailable:")
		if !found {
			continue
		}
		kibibytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err == nil {
			return kibibytes << 10
		}
	}
	return 0
}

// unknownOwner stands for a process that is no container.
const unknownOwner = "a process on the host"

// listeningPorts reads on which TCP ports something listens.
func listeningPorts() map[int]string {
	ports := map[int]string{}
	for _, path := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		file, err := os.Open(path)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			if port := parseListener(lines.Text()); port > 0 {
				ports[port] = unknownOwner
			}
		}
		file.Close()
	}
	return ports
}

// parseListener reads the local port of one line of /proc/net/tcp if the
// socket listens, which is state 0A; else 0.
func parseListener(line string) int {
	fields := strings.Fields(line)
	if len(fields) < 4 || fields[3] != "0A" {
		return 0
	}
	at := strings.LastIndexByte(fields[1], ':')
	port, err := strconv.ParseUint(fields[1][at+1:], 16, 16)
	if err != nil {
		return 0
	}
	return int(port)
}

// nameTakenPorts replaces the unknown owner by the container that publishes
// the port.
func nameTakenPorts(ports map[int]string, containers []container.Summary) {
	for _, c := range containers {
		for _, published := range c.Ports {
			if published.PublicPort > 0 && published.Type == "tcp" {
				ports[int(published.PublicPort)] = summaryName(c)
			}
		}
	}
}
