package use

import "testing/fstest"

// ReadPieces reads sp.model.
func ReadPieces(data []byte) error {
	_, err := readPieces(fstest.MapFS{PiecesFile: {Data: data}})
	return err
}

// ReadFloats reads an array of weights.npz and returns how many numbers it has.
func ReadFloats(data []byte, name string, shape ...int) (int, error) {
	a, err := openArrays(fstest.MapFS{WeightsFile: {Data: data}})
	if err != nil {
		return 0, err
	}
	x, err := a.floats(name, shape...)
	return len(x), err
}
