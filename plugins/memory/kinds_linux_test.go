package memory

// systemKinds are the ways to hold memories that only this system has: here
// one that drops what was written, as where the kernel keeps no pagemap, and
// one that reads all of it, as where the kernel does not scan.
func systemKinds() []kind {
	with := func(name string, change func(*mapped)) kind {
		return kind{name, native(), func(m *Memory) (*Image, error) {
			image, err := m.Image()
			if err == nil {
				if s := image.content.(*mapped); s.written != nil {
					change(s)
				}
			}
			return image, err
		}}
	}
	return []kind{
		with("dropped", func(s *mapped) { s.written.close(); s.written = nil }),
		with("read", func(s *mapped) { s.written.scans = false }),
	}
}
