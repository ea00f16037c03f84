// Makes world.geojson of world-atlas: node cut_world.cjs world.geojson, beside world-atlas and topojson-client.
// Countries of 1:110m in two digits; those that cross the antimeridian are cut there, else maps draw stripes.
const fs = require('fs');
const topojson = require('topojson-client');
const world = require('world-atlas/countries-110m.json');

const round = (x) => Math.round(x * 100) / 100;
const rounded = (ring) => ring.map(([x, y]) => [round(x), round(y)]);
const jumps = (ring) => ring.some(([x], i) => i > 0 && Math.abs(x - ring[i - 1][0]) > 180);

// The part of a ring on one side of 180 degrees, in longitudes of 0 to 360.
function side(ring, isInside) {
  const kept = [];
  ring.forEach((b, i) => {
    const a = ring[(i + ring.length - 1) % ring.length];
    if (isInside(a) !== isInside(b)) {
      const t = (180 - a[0]) / (b[0] - a[0]);
      kept.push([180, a[1] + t * (b[1] - a[1])]);
    }
    if (isInside(b)) kept.push(b);
  });
  return kept;
}

function cut(polygon) {
  if (!polygon.some(jumps)) return [polygon.map(rounded)];
  const unwrapped = polygon.map((ring) => ring.slice(0, -1).map(([x, y]) => [x < 0 ? x + 360 : x, y]));
  const halves = [
    unwrapped.map((ring) => side(ring, ([x]) => x <= 180)),
    unwrapped.map((ring) => side(ring, ([x]) => x >= 180).map(([x, y]) => [x - 360, y])),
  ];
  return halves
    .map((rings) => rings.filter((ring) => ring.length > 2).map((ring) => rounded([...ring, ring[0]])))
    .filter((rings) => rings.length);
}

const features = topojson
  .feature(world, world.objects.countries)
  .features.filter(({ properties }) => properties.name !== 'Antarctica') // nobody comes from there, and it is wide
  .map(({ properties, geometry }) => {
    const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
    const coordinates = polygons.flatMap(cut);
    return { type: 'Feature', properties: { name: properties.name }, geometry: { type: 'MultiPolygon', coordinates } };
  });
fs.writeFileSync(process.argv[2], JSON.stringify({ type: 'FeatureCollection', features }));
