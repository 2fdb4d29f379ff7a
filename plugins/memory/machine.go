package memory

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// unknown is what a machine is taken to have that does not tell.
const unknown = 1 << 30

// Machine is how much memory the process may use, in bytes: what the machine
// has, or the least that the process's control group and those around it
// allow, in either version of control groups. Where there is no telling, and
// for a figure that makes no sense, it is 1 GiB.
func Machine() int64 { return machine(os.DirFS("/")) }

func machine(root fs.FS) int64 {
	least := int64(math.MaxInt64)
	figure := func(n int64, err error) {
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil || n <= 0:
			least = min(least, unknown)
		default:
			least = min(least, n)
		}
	}
	figure(total(root))
	groups, err := readSmall(root, "proc/self/cgroup")
	if err != nil {
		groups = nil // not Linux, or without control groups
	}
	// Each line is a hierarchy: its number, its controllers and our group.
	for line := range strings.Lines(string(groups)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 {
			continue
		}
		var folder, file string
		switch {
		case fields[0] == "0" && fields[1] == "":
			folder, file = "sys/fs/cgroup", "memory.max"
		case strings.Contains(","+fields[1]+",", ",memory,"):
			folder, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		// Inside a container the group's name may be the one that the host
		// sees, while the folder is the container's own: so each level counts
		// that is there, up to the root.
		for group := path.Clean("/" + fields[2]); ; group = path.Dir(group) {
			figure(limit(root, path.Join(folder, group, file)))
			if group == "/" {
				break
			}
		}
	}
	if least == math.MaxInt64 {
		return unknown
	}
	return least
}

// total reads the machine's memory, in bytes.
func total(root fs.FS) (int64, error) {
	info, err := readSmall(root, "proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(info) {
		fields := strings.Fields(string(line))
		if len(fields) == 3 && fields[0] == "MemTotal:" && fields[2] == "kB" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			if kib > math.MaxInt64>>10 {
				err = strconv.ErrRange
			}
			return kib << 10, err
		}
	}
	return 0, errors.New("MemTotal is missing")
}

// limit reads the limit of a control group, in bytes.
func limit(root fs.FS, name string) (int64, error) {
	text, err := readSmall(root, name)
	if err != nil {
		return 0, err
	}
	value := string(bytes.TrimSpace(text))
	if value == "max" {
		return math.MaxInt64, nil
	}
	return strconv.ParseInt(value, 10, 64)
}

// readSmall reads the beginning of a file, as much as those of the kernel that
// matter here ever have.
func readSmall(root fs.FS, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 64<<10))
}
