package static

import "path"

// mediaType returns the Content-Type for a file of that name, by its extension
// in any case, and whether files of this type are worth compressing.
func mediaType(name string) (contentType string, compressible bool) {
	var buf [16]byte
	switch string(appendLower(buf[:0], path.Ext(name))) {
	case ".html", ".htm":
		return "text/html; charset=utf-8", true
	case ".css":
		return "text/css; charset=utf-8", true
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8", true
	case ".txt", ".log", ".conf", ".toml", ".ini":
		return "text/plain; charset=utf-8", true
	case ".md", ".markdown":
		return "text/markdown; charset=utf-8", true
	case ".csv":
		return "text/csv; charset=utf-8", true
	case ".xml", ".xsl", ".xsd":
		return "text/xml; charset=utf-8", true
	case ".ics":
		return "text/calendar; charset=utf-8", true
	case ".vtt":
		return "text/vtt; charset=utf-8", true
	case ".yaml", ".yml":
		return "application/yaml", true
	case ".json", ".map":
		return "application/json", true
	case ".jsonld":
		return "application/ld+json", true
	case ".geojson":
		return "application/geo+json", true
	case ".webmanifest":
		return "application/manifest+json", true
	case ".atom":
		return "application/atom+xml", true
	case ".rss":
		return "application/rss+xml", true
	case ".xhtml":
		return "application/xhtml+xml", true
	case ".wasm":
		return "application/wasm", true
	case ".rtf":
		return "application/rtf", true
	case ".svg":
		return "image/svg+xml", true
	case ".ico":
		return "image/x-icon", true
	case ".bmp":
		return "image/bmp", true
	case ".ttf":
		return "font/ttf", true
	case ".otf":
		return "font/otf", true

	case ".woff":
		return "font/woff", false
	case ".woff2":
		return "font/woff2", false
	case ".png":
		return "image/png", false
	case ".jpg", ".jpeg":
		return "image/jpeg", false
	case ".gif":
		return "image/gif", false
	case ".webp":
		return "image/webp", false
	case ".avif":
		return "image/avif", false
	case ".tif", ".tiff":
		return "image/tiff", false
	case ".mp3":
		return "audio/mpeg", false
	case ".m4a":
		return "audio/mp4", false
	case ".ogg", ".oga", ".opus":
		return "audio/ogg", false
	case ".wav":
		return "audio/wav", false
	case ".flac":
		return "audio/flac", false
	case ".mp4", ".m4v":
		return "video/mp4", false
	case ".webm":
		return "video/webm", false
	case ".ogv":
		return "video/ogg", false
	case ".mov":
		return "video/quicktime", false
	case ".avi":
		return "video/x-msvideo", false
	case ".m3u8":
		return "application/vnd.apple.mpegurl", false
	case ".ts":
		return "video/mp2t", false
	case ".pdf":
		return "application/pdf", false
	case ".epub":
		return "application/epub+zip", false
	case ".docx":
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document", false
	case ".xlsx":
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", false
	case ".pptx":
		return "application/vnd.openxmlformats-officedocument.presentationml.presentation", false
	case ".zip":
		return "application/zip", false
	case ".gz", ".tgz":
		return "application/gzip", false
	case ".zst":
		return "application/zstd", false
	case ".tar":
		return "application/x-tar", false
	case ".7z":
		return "application/x-7z-compressed", false
	case ".jar":
		return "application/java-archive", false
	}
	return "application/octet-stream", false
}

func appendLower(dst []byte, s string) []byte {
	for _, c := range []byte(s) {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
