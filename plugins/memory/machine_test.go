package memory

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestMachine(t *testing.T) {
	const gib = 1 << 30
	meminfo := func(kb string) string { return "MemTotal:       " + kb + " kB\nMemFree:        12 kB\n" }
	big := meminfo("8388608") // 8 GiB
	for _, test := range []struct {
		name  string
		files string // path = content, one file after the other, with | for a line's end
		want  int64
	}{
		{"nothing to read", ``, unknown},
		{"no control groups", `proc/meminfo = ` + big, 8 * gib},
		{"version 2", `proc/meminfo = ` + big + `; proc/self/cgroup = 0::/app; sys/fs/cgroup/app/memory.max = 2147483648`, 2 * gib},
		{"version 2, no limit", `proc/meminfo = ` + big + `; proc/self/cgroup = 0::/app; sys/fs/cgroup/app/memory.max = max`, 8 * gib},
		{"version 2, the limit around it", `proc/meminfo = ` + big + `; proc/self/cgroup = 0::/a/b/c; sys/fs/cgroup/a/b/c/memory.max = max;
			sys/fs/cgroup/a/b/memory.max = 4294967296; sys/fs/cgroup/a/memory.max = 3221225472`, 3 * gib},
		{"version 2, a container's own", `proc/meminfo = ` + big + `; proc/self/cgroup = 0::/; sys/fs/cgroup/memory.max = 536870912`, gib / 2},
		{"version 2, outside of the container's", `proc/meminfo = ` + big + `; proc/self/cgroup = 0::/../other; sys/fs/cgroup/memory.max = 536870912`, gib / 2},
		{"more than the machine has", `proc/meminfo = ` + big + `; proc/self/cgroup = 0::/app; sys/fs/cgroup/app/memory.max = 999999999999999`, 8 * gib},
		{"version 1", `proc/meminfo = ` + big + `; proc/self/cgroup = 5:cpu:/x|4:memory:/app|1:name=systemd:/x; sys/fs/cgroup/memory/app/memory.limit_in_bytes = 2147483648`, 2 * gib},
		{"version 1, no limit", `proc/meminfo = ` + big + `; proc/self/cgroup = 4:memory:/app; sys/fs/cgroup/memory/app/memory.limit_in_bytes = 9223372036854771712`, 8 * gib},
		{"version 1, the limit around it", `proc/meminfo = ` + big + `; proc/self/cgroup = 4:memory:/a/b; sys/fs/cgroup/memory/a/b/memory.limit_in_bytes = 9223372036854771712;
			sys/fs/cgroup/memory/a/memory.limit_in_bytes = 3221225472`, 3 * gib},
		{"version 1, with the host's name", `proc/meminfo = ` + big + `; proc/self/cgroup = 4:memory:/docker/1234; sys/fs/cgroup/memory/memory.limit_in_bytes = 268435456`, gib / 4},
		{"version 1, beside another controller", `proc/meminfo = ` + big + `; proc/self/cgroup = 4:cpu,memory:/a:b; sys/fs/cgroup/memory/a:b/memory.limit_in_bytes = 268435456`, gib / 4},
		{"both, as a half-migrated machine has", `proc/meminfo = ` + big + `; proc/self/cgroup = 4:memory:/app|0::/app; sys/fs/cgroup/memory/app/memory.limit_in_bytes = 2147483648`, 2 * gib},
		{"another controller's group", `proc/meminfo = ` + big + `; proc/self/cgroup = 4:memoryless:/app; sys/fs/cgroup/memory/app/memory.limit_in_bytes = 5`, 8 * gib},

		{"meminfo without a total", `proc/meminfo = MemFree: 12 kB`, unknown},
		{"a total that is no number", `proc/meminfo = ` + meminfo("many"), unknown},
		{"a total below zero", `proc/meminfo = ` + meminfo("-5"), unknown},
		{"a total beyond 64 bits of bytes", `proc/meminfo = ` + meminfo("9007199254740993"), unknown},
		{"a total beyond 64 bits", `proc/meminfo = ` + meminfo("99999999999999999999"), unknown},
		{"a limit that is no number", `proc/meminfo = ` + big + `; proc/self/cgroup = 0::/app; sys/fs/cgroup/app/memory.max = plenty`, unknown},
		{"a limit of nothing", `proc/meminfo = ` + big + `; proc/self/cgroup = 0::/app; sys/fs/cgroup/app/memory.max = 0`, unknown},
		{"an empty limit", `proc/meminfo = ` + big + `; proc/self/cgroup = 0::/app; sys/fs/cgroup/app/memory.max = `, unknown},
		{"a limit below zero", `proc/meminfo = ` + big + `; proc/self/cgroup = 0::/app; sys/fs/cgroup/app/memory.max = -1`, unknown},
		{"a senseless limit on a small machine", `proc/meminfo = ` + meminfo("524288") + `; proc/self/cgroup = 0::/app; sys/fs/cgroup/app/memory.max = plenty`, gib / 2},
		{"groups that are none", `proc/meminfo = ` + big + `; proc/self/cgroup = a|:|::|0::`, 8 * gib},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := fstest.MapFS{}
			for file := range strings.SplitSeq(test.files, ";") {
				if name, content, ok := strings.Cut(file, "="); ok {
					content = strings.ReplaceAll(strings.TrimPrefix(content, " "), "|", "\n")
					root[strings.TrimSpace(name)] = &fstest.MapFile{Data: []byte(content)}
				}
			}
			if got := machine(root); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestThisMachine(t *testing.T) {
	if got := Machine(); got < 64<<20 || got > 1<<50 {
		t.Errorf("it has %d bytes", got)
	}
}

func FuzzMachine(f *testing.F) {
	f.Add("MemTotal: 8388608 kB\n", "0::/a/b\n4:memory:/c\n", "max\n", "9223372036854771712\n")
	f.Add("MemTotal: -1 kB", "0::/../..\n", "0x10", "")
	f.Fuzz(func(t *testing.T, meminfo, groups, v2, v1 string) {
		file := func(content string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(content)} }
		root := everywhere{fstest.MapFS{
			"proc/meminfo":          file(meminfo),
			"proc/self/cgroup":      file(groups),
			"memory.max":            file(v2),
			"memory.limit_in_bytes": file(v1),
		}}
		if got := machine(root); got <= 0 {
			t.Errorf("it has %d bytes", got)
		}
	})
}

// everywhere has the files of control groups in every group.
type everywhere struct{ fs.FS }

func (e everywhere) Open(name string) (fs.File, error) {
	if strings.HasPrefix(name, "sys/fs/cgroup/") {
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	return e.FS.Open(name)
}
