# noregret for GPU hosts: Deno's WebGPU on NVIDIA's Vulkan driver, which the container toolkit mounts
# when it is asked for graphics. Without a GPU the same image trains on the processor.
#
#   docker build -t noregret .
#   docker run --gpus all -p 8000:8000 -v noregret:/data -e NOREGRET_API_KEYS=run:… noregret
FROM debian:bookworm-slim AS deno

# Debian keeps no old versions: pinned ones would break the build with the next security fix.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates npm \
  && npm install --global deno@2.9.6 \
  && rm -rf /var/lib/apt/lists/*

FROM debian:bookworm-slim

# The Vulkan loader; the driver itself comes from the host.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates libvulkan1 libegl1 \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --create-home --uid 10001 noregret \
  && install -d -o noregret /data /home/noregret/cache

COPY --from=deno /usr/local/lib/node_modules/deno/deno /usr/local/bin/deno

# Compute alone would leave Vulkan out.
ENV NVIDIA_VISIBLE_DEVICES=all \
  NVIDIA_DRIVER_CAPABILITIES=compute,graphics,utility \
  DENO_DIR=/home/noregret/cache \
  DENO_NO_UPDATE_CHECK=1 \
  NOREGRET_HOME=/data \
  NOREGRET_LOG=json \
  HOST=0.0.0.0 \
  PORT=8000

USER 10001
WORKDIR /app
COPY --chown=noregret deno.json deno.lock ./
COPY --chown=noregret . .
# Everything that will be needed is fetched now: the root file system may be read-only later.
RUN deno ci && deno cache main.ts experiments/cli.ts runs/worker/*.ts

VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s CMD ["deno", "run", "--allow-net=127.0.0.1:8000", "deploy/healthcheck.ts"]
ENTRYPOINT ["deno", "run", "-A", "--cached-only", "main.ts", "start"]
CMD ["serve"]
