package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// descriptor names a blob: see the OCI Image Format Specification, descriptor.md.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    *platform         `json:"platform,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// image writes an image that is the binary alone, as an OCI image layout: a folder that skopeo,
// podman and crane read, and docker after skopeo.
func (r *release) image() error {
	dir := r.path("%s.oci", r.name())
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o777); err != nil {
		return err
	}
	var layer bytes.Buffer
	err := r.tar(&layer, "", []file{
		{"usr/bin/sheaf", 0o755, r.binary}, {"usr/share/doc/sheaf/LICENSE", 0o644, "LICENSE"}, {"usr/share/doc/sheaf/NOTICE", 0o644, "NOTICE"},
	})
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(layer.Bytes()); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	b := blobs{dir: dir}
	layers := b.add("application/vnd.oci.image.layer.v1.tar+gzip", packed.Bytes())
	config := b.addJSON("application/vnd.oci.image.config.v1+json", map[string]any{
		"architecture": r.arch, "os": "linux", "created": r.date.Format(time.RFC3339),
		"config": map[string]any{"Entrypoint": []string{"/usr/bin/sheaf"}, "WorkingDir": "/data"},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digest(layer.Bytes())}},
	})
	manifest := b.addJSON("application/vnd.oci.image.manifest.v1+json", map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": []descriptor{layers},
	})
	manifest.Annotations = map[string]string{"org.opencontainers.image.ref.name": r.version}
	manifest.Platform = &platform{r.arch, "linux"}
	b.write("oci-layout", encode(map[string]string{"imageLayoutVersion": "1.0.0"}))
	b.write("index.json", encode(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []descriptor{manifest},
	}))
	return b.err
}

// blobs writes the files of a layout. The first error stays.
type blobs struct {
	dir string
	err error
}

func (b *blobs) add(mediaType string, content []byte) descriptor {
	sum := fmt.Sprintf("%x", sha256.Sum256(content))
	b.write(filepath.Join("blobs", "sha256", sum), content)
	return descriptor{MediaType: mediaType, Digest: digest(content), Size: len(content)}
}

func (b *blobs) addJSON(mediaType string, v any) descriptor { return b.add(mediaType, encode(v)) }

func (b *blobs) write(name string, content []byte) {
	if b.err == nil {
		b.err = os.WriteFile(filepath.Join(b.dir, name), content, 0o666)
	}
}

func digest(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

// encode returns JSON of maps, slices and strings, which always have one.
func encode(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}
