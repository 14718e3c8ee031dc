package registration

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
)

// The bounds of a logo. A picture is decoded into four bytes a pixel, however
// small the file is, so its size is looked at before.
const (
	maxLogoBytes = 256 << 10
	maxLogoSide  = 2048 // of what is fetched
	logoSide     = 256  // of what is kept: it is shown at 64
	maxScans     = 64   // of a JPEG: each goes over the whole picture
)

var errPicture = errors.New("not a picture that is shown")

// pictureFormat is one of those that are read. What a file is, it says itself; nothing
// that a server says of it counts. SVG is not among them: it can have scripts.
type pictureFormat struct {
	magic  string
	config func(content []byte) (image.Config, error)
	decode func(content []byte) (image.Image, error)
}

func pictureFormats() []pictureFormat {
	return []pictureFormat{
		{"\x89PNG\r\n\x1a\n", func(c []byte) (image.Config, error) { return png.DecodeConfig(bytes.NewReader(c)) }, func(c []byte) (image.Image, error) { return png.Decode(bytes.NewReader(c)) }},
		{"\xff\xd8\xff", func(c []byte) (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(c)) }, decodeJPEG},
		{"GIF8", func(c []byte) (image.Config, error) { return gif.DecodeConfig(bytes.NewReader(c)) }, func(c []byte) (image.Image, error) { return gif.Decode(bytes.NewReader(c)) }},
	}
}

// decodeJPEG refuses a file with more scans than any picture needs: in a few bytes
// each they could keep a processor busy for long.
func decodeJPEG(content []byte) (image.Image, error) {
	if bytes.Count(content, []byte{0xff, 0xda}) > maxScans {
		return nil, errPicture
	}
	return jpeg.Decode(bytes.NewReader(content))
}

// redraw decodes a picture and encodes what is to be seen as a PNG of a bounded
// size, so that no byte of whoever made the file is ever served.
func redraw(content []byte) ([]byte, error) {
	if len(content) > maxLogoBytes {
		return nil, errPicture
	}
	for _, format := range pictureFormats() {
		if !bytes.HasPrefix(content, []byte(format.magic)) {
			continue
		}
		size, err := format.config(content)
		if err != nil || size.Width < 1 || size.Height < 1 || size.Width > maxLogoSide || size.Height > maxLogoSide {
			return nil, errPicture
		}
		decoded, err := format.decode(content)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errPicture, err)
		}
		if bounds := decoded.Bounds(); bounds.Dx() < 1 || bounds.Dy() < 1 || bounds.Dx() > maxLogoSide || bounds.Dy() > maxLogoSide {
			return nil, errPicture
		}
		var encoded bytes.Buffer
		if err := png.Encode(&encoded, shrink(decoded)); err != nil {
			return nil, fmt.Errorf("encode a logo: %w", err)
		}
		return encoded.Bytes(), nil
	}
	return nil, errPicture
}

// shrink returns a picture of at most logoSide by logoSide with the same
// proportions. Each of its pixels is the mean of those that it stands for.
func shrink(source image.Image) *image.RGBA {
	bounds := source.Bounds()
	whole := image.NewRGBA(image.Rect(0, 0, bounds.Dx(), bounds.Dy()))
	draw.Draw(whole, whole.Bounds(), source, bounds.Min, draw.Src)
	longer := max(bounds.Dx(), bounds.Dy())
	if longer <= logoSide {
		return whole
	}
	width, height := max(1, bounds.Dx()*logoSide/longer), max(1, bounds.Dy()*logoSide/longer)
	small := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			small.SetRGBA(x, y, mean(whole, image.Rect(
				x*bounds.Dx()/width, y*bounds.Dy()/height, (x+1)*bounds.Dx()/width, (y+1)*bounds.Dy()/height)))
		}
	}
	return small
}

// mean is that of the premultiplied colours, so that what can't be seen has no part in it.
func mean(of *image.RGBA, area image.Rectangle) color.RGBA {
	var sums [4]int
	for y := area.Min.Y; y < area.Max.Y; y++ {
		row := of.Pix[of.PixOffset(area.Min.X, y):of.PixOffset(area.Max.X, y)]
		for i, value := range row {
			sums[i%4] += int(value)
		}
	}
	count := area.Dx() * area.Dy()
	part := func(i int) uint8 { return uint8(sums[i] / count) } //nolint:gosec // a mean of bytes is one
	return color.RGBA{part(0), part(1), part(2), part(3)}
}
