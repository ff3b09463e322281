  // Vega is a file that all pages of a site share; it is asked for as the first chart comes near.
  async function unpack() {
    const script = document.createElement("script");
    script.src = document.getElementById("chart-config").dataset.bundle;
    const loaded = new Promise((done, failed) => {
      script.addEventListener("load", done);
      script.addEventListener("error", () => failed(new Error(`${script.src} is not there`)));
    });
    document.head.append(script);
    await loaded;
  }
