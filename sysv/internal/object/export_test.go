package object

// Sightings returns how many objects are remembered as in the making.
func Sightings() int {
	sightings.Lock()
	defer sightings.Unlock()
	return len(sightings.first)
}
