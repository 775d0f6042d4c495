package loadtest

import (
	"bufio"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clockTick is the unit of times in /proc/PID/stat: USER_HZ, 100 on Linux.
const clockTick = 10 * time.Millisecond

// errNoServerProcess means that the server is elsewhere or belongs to others.
var errNoServerProcess = errors.New("server process not found on this machine")

// process is the server's process, when it runs on this machine.
type process struct{ pid int }

// usage is what a process has used so far.
type usage struct {
	CPU time.Duration
	RSS int // KiB now
}

// findServer returns the process to watch: the given one, or the owner of the
// port on which the server listens.
func findServer(pid int, target string) (process, error) {
	if pid != 0 {
		p := process{pid}
		_, err := p.usage()
		return p, err
	}
	u, err := url.Parse(target)
	if err != nil || !isLoopback(u.Hostname()) {
		return process{}, errNoServerProcess
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return process{}, errNoServerProcess
	}
	inodes := listeners(uint16(n))
	if len(inodes) == 0 {
		return process{}, errNoServerProcess
	}
	return ownerOf(inodes)
}

// listeners returns the socket inodes that listen on a TCP port (proc(5),
// /proc/net/tcp: state 0A).
func listeners(port uint16) map[string]bool {
	inodes := map[string]bool{}
	suffix := fmt.Sprintf(":%04X", port)
	for _, path := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		for in := bufio.NewScanner(f); in.Scan(); {
			fields := strings.Fields(in.Text())
			if len(fields) > 9 && fields[3] == "0A" && strings.HasSuffix(fields[1], suffix) {
				inodes["socket:["+fields[9]+"]"] = true
			}
		}
		f.Close()
	}
	return inodes
}

func ownerOf(inodes map[string]bool) (process, error) {
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return process{}, err
	}
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !inodes[target] {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(link, "/")[2])
		if err == nil {
			return process{pid}, nil
		}
	}
	return process{}, errNoServerProcess
}

// usage reads /proc/PID/stat and statm. Children (ffmpeg) are not counted.
func (p process) usage() (usage, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		return usage{}, fmt.Errorf("read process times: %w", err)
	}
	u, err := parseStat(string(raw))
	if err != nil {
		return usage{}, err
	}
	if raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.pid)); err == nil {
		if fields := strings.Fields(string(raw)); len(fields) > 1 {
			pages, _ := strconv.Atoi(fields[1])
			u.RSS = pages * os.Getpagesize() / 1024
		}
	}
	return u, nil
}

// parseStat takes utime and stime, fields 14 and 15. The program's name in
// field 2 may hold anything, so fields are counted from its last parenthesis.
func parseStat(stat string) (usage, error) {
	at := strings.LastIndexByte(stat, ')')
	fields := strings.Fields(stat[at+1:])
	if at < 0 || len(fields) < 13 {
		return usage{}, errors.New("read process times: unknown form of /proc/PID/stat")
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return usage{}, fmt.Errorf("read process times: %w", err)
	}
	return usage{CPU: time.Duration(user+system) * clockTick}, nil
}

// ownCPU is what the bots have cost so far.
func ownCPU() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
