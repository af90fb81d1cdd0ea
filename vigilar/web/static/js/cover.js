// Covers the private areas of a camera over its moving picture. Live pictures come with them black already; a recording
// is shown as it is, so here a black shape lies on top of it, in the place where the video itself is.

const SVG = "http://www.w3.org/2000/svg";

function cover(box) {
  const shapes = JSON.parse(box.dataset.cover);
  const videos = [...box.querySelectorAll("video")];
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "cover");
  svg.setAttribute("aria-hidden", "true");
  const fit = () => {
    const video = videos.find((one) => one.videoWidth && !one.hidden) ?? videos.find((one) => one.videoWidth);
    const [width, height] = video ? [video.videoWidth, video.videoHeight] : [16, 9];
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`); // fitted as the video is: whole, in the middle
    svg.replaceChildren(
      ...shapes.map((points) => {
        const polygon = document.createElementNS(SVG, "polygon");
        polygon.setAttribute("points", points.map(([x, y]) => `${x * width},${y * height}`).join(" "));
        return polygon;
      }),
    );
  };
  fit();
  for (const video of videos) {
    video.after(svg);
    for (const change of ["loadedmetadata", "resize", "playing"]) video.addEventListener(change, fit);
  }
}

for (const box of document.querySelectorAll("[data-cover]")) cover(box);
