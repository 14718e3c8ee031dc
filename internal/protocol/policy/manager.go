package policy

// maxManagerBytes bounds the name of a file that manages records.
const maxManagerBytes = 64

// ValidManager reports whether a text can name the file that manages a record: letters,
// digits, and the characters of a path.
func ValidManager(name string) bool {
	if name == "" || len(name) > maxManagerBytes {
		return false
	}
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-', c == '/':
		default:
			return false
		}
	}
	return true
}
