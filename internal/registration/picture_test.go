package registration

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
)

func square(width, height int) image.Image {
	made := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			made.SetNRGBA(x, y, color.NRGBA{200, 100, 50, 255})
		}
	}
	return made
}

func encoded(t testing.TB, format string, picture image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	var err error
	switch format {
	case "png":
		err = png.Encode(&out, picture)
	case "jpeg":
		err = jpeg.Encode(&out, picture, nil)
	case "gif":
		err = gif.Encode(&out, picture, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestPicturesAreDrawnAnew(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"png", "jpeg", "gif"} {
		for size, want := range map[image.Point]image.Point{
			{64, 64}: {64, 64}, {256, 10}: {256, 10}, {1000, 500}: {256, 128}, {257, 257}: {256, 256},
		} {
			drawn, err := redraw(append(encoded(t, format, square(size.X, size.Y)), "<script>alert(1)</script>"...))
			if err != nil {
				t.Errorf("%s of %v: %v", format, size, err)
				continue
			}
			if bytes.Contains(drawn, []byte("script")) {
				t.Errorf("%s: what was added to the file is served", format)
			}
			read, err := png.Decode(bytes.NewReader(drawn))
			if err != nil || read.Bounds().Size() != want {
				t.Errorf("%s of %v is %v, want %v: %v", format, size, read.Bounds().Size(), want, err)
				continue
			}
			r, g, b, a := read.At(0, 0).RGBA()
			if near := func(got uint32, want int) bool { return int(got>>8) > want-40 && int(got>>8) < want+40 }; !near(r, 200) || !near(g, 100) || !near(b, 50) || a>>8 != 255 {
				t.Errorf("%s of %v has the colour %d %d %d %d", format, size, r>>8, g>>8, b>>8, a>>8)
			}
		}
	}
}

// bomb is a PNG that says it is of a size, with few bytes for all the pixels.
func bomb(width, height uint32) []byte {
	var out bytes.Buffer
	out.WriteString("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, content []byte) {
		_ = binary.Write(&out, binary.BigEndian, uint32(len(content)))
		out.WriteString(kind)
		out.Write(content)
		_ = binary.Write(&out, binary.BigEndian, crc32.ChecksumIEEE(append([]byte(kind), content...)))
	}
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	chunk("IHDR", append(header, 8, 6, 0, 0, 0))
	var packed bytes.Buffer
	writer := zlib.NewWriter(&packed)
	_, _ = writer.Write(make([]byte, 1<<20))
	_ = writer.Close()
	chunk("IDAT", packed.Bytes())
	chunk("IEND", nil)
	return out.Bytes()
}

func TestPicturesThatAreRefused(t *testing.T) {
	t.Parallel()
	scans := encoded(t, "jpeg", square(64, 64))
	scans = append(scans, bytes.Repeat([]byte{0xff, 0xda}, 65)...)
	for name, content := range map[string][]byte{
		"nothing": nil, "text": []byte("a picture"), "HTML": []byte("<html><body><script>alert(1)</script>"),
		"SVG": []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), "half a PNG": encoded(t, "png", square(600, 600))[:200],
		"magic alone": []byte("\x89PNG\r\n\x1a\n"), "GIF magic alone": []byte("GIF89a"), "JPEG magic alone": []byte("\xff\xd8\xff"),
		"a PNG of 100000 by 100000": bomb(100000, 100000), "a PNG that is too wide": bomb(2049, 1), "a PNG of nothing": bomb(0, 0),
		"a PNG without its pixels": bomb(2048, 2048), "a JPEG of many scans": scans, "a GIF that is too wide": encoded(t, "gif", square(2049, 1)),
		"a large file": append(encoded(t, "png", square(1, 1)), strings.Repeat("x", maxLogoBytes)...),
	} {
		if drawn, err := redraw(content); err == nil {
			t.Errorf("%s is drawn in %d bytes", name, len(drawn))
		}
	}
}

// What can be seen through stays so, and what can't be seen has no colour.
func TestShrinkingKeepsTransparency(t *testing.T) {
	t.Parallel()
	half := image.NewNRGBA(image.Rect(0, 0, 512, 512))
	for y := range 512 {
		for x := range 512 {
			if x%2 == 0 {
				half.SetNRGBA(x, y, color.NRGBA{255, 255, 255, 255})
			} else {
				half.SetNRGBA(x, y, color.NRGBA{255, 0, 0, 0})
			}
		}
	}
	drawn, err := redraw(encoded(t, "png", half))
	if err != nil {
		t.Fatal(err)
	}
	read, err := png.Decode(bytes.NewReader(drawn))
	if err != nil {
		t.Fatal(err)
	}
	if got := color.NRGBAModel.Convert(read.At(100, 100)).(color.NRGBA); got.A != 127 || got.R < 254 || got.G < 254 {
		t.Errorf("got %v", got)
	}
}

func FuzzRedraw(f *testing.F) {
	for _, format := range []string{"png", "jpeg", "gif"} {
		f.Add(encoded(f, format, square(5, 3)))
	}
	f.Add(bomb(3, 3))
	f.Fuzz(func(t *testing.T, content []byte) {
		drawn, err := redraw(content)
		if err != nil {
			return
		}
		size, err := png.DecodeConfig(bytes.NewReader(drawn))
		if err != nil || size.Width > logoSide || size.Height > logoSide {
			t.Fatalf("%v, %v", size, err)
		}
	})
}
