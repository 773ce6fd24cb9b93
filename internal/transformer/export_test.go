package transformer

import "io/fs"

// FromHalf lets tests see a conversion by itself.
var FromHalf = fromHalf

// Tensors are those of a file that have one of the shapes [rows, cols] and [rows].
func Tensors(file []byte, rows, cols int) map[string][]float32 {
	found := map[string][]float32{}
	t, err := parseTensors(file)
	if err != nil {
		return nil
	}
	for name := range t.entries {
		if x, err := t.tensor(name, rows, cols); err == nil {
			found[name] = x.x
		}
		if x, err := t.tensor(name, rows); err == nil {
			found[name] = x.x
		}
	}
	return found
}

// ReadFolder reads a folder's configurations.
func ReadFolder(files fs.FS) (Settings, int, error) {
	f, err := readFolder(files)
	if err != nil {
		return Settings{}, 0, err
	}
	return f.Settings, f.shape.heads, nil
}
