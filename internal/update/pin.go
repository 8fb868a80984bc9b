package update

import "fmt"

// PinPrefix begins every reference by which Gapless keeps an image from being
// pruned.
const PinPrefix = "gapless-pin/"

// PinReference is the tag that keeps the image of a service of a release.
func PinReference(projectName, serviceName string, release int) string {
	return fmt.Sprintf("%s%s/%s:r%d", PinPrefix, projectName, serviceName, release)
}

// StaticPin is the tag that keeps an image of which a release uses the static
// files only.
func StaticPin(projectName, serviceName string, release int) string {
	return PinReference(projectName, serviceName+".static-files", release)
}
