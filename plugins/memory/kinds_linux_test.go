package memory

// systemKinds are the ways to hold memories that only this system has: here
// one that drops what was written, as where the kernel keeps no pagemap.
func systemKinds() []kind {
	return []kind{{"dropped", native(), func(m *Memory) (*Image, error) {
		image, err := m.Image()
		if err == nil {
			if s := image.content.(*mapped); s.written != nil {
				s.written.close()
				s.written = nil
			}
		}
		return image, err
	}}}
}
