// Where runs train: the device that a run gets here, and its limits.

import { bytes, number, time } from "./format.ts";
import type { Worker } from "../runs/spec/worker.ts";
import { Page, Scroll } from "./layout.tsx";

/** A device as it describes itself. */
export interface DeviceInfo {
  readonly backend: string;
  readonly device: string;
  readonly limits: Readonly<Record<string, number>>;
}

/** What the page shows. */
export interface DeviceProps {
  readonly devices: readonly DeviceInfo[];
  /** The one that `backend: "auto"` takes. */
  readonly auto: string;
  readonly memory: Readonly<Record<string, number>>;
  readonly workers: readonly Worker[];
}

/** The page of the host's devices. */
export function DevicePage({ devices, auto, memory, workers }: DeviceProps) {
  return (
    <Page title="Device" at="/device">
      <p>
        A run with <code>backend: "auto"</code> gets <strong>{auto}</strong> on this host.
      </p>
      {devices.map(({ backend, device, limits }) => (
        <section>
          <h2>{backend}</h2>
          <p>{device}</p>
          <table class="facts">
            <tbody>
              {Object.entries(limits).map(([name, value]) => (
                <tr>
                  <th scope="row">{name.replace(", bytes", "")}</th>
                  <td class="number">{/Size|bytes/i.test(name) ? bytes(value) : number(value)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ))}
      <h2>Workers</h2>
      {workers.length === 0 && <p>None has been heard from for a day: queued runs wait for one.</p>}
      {workers.length > 0 && <WorkerTable workers={workers} />}
      <h2>Memory</h2>
      <table class="facts">
        <tbody>
          {Object.entries(memory).map(([name, value]) => (
            <tr>
              <th scope="row">{name}</th>
              <td class="number">{bytes(value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Page>
  );
}

function WorkerTable({ workers }: { readonly workers: readonly Worker[] }) {
  return (
    <Scroll label="Workers">
      <table>
        <thead>
          <tr>
            {["Worker", "Status", "Devices", "Runs", "Last heard from"].map((name) => (
              <th scope="col">{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {workers.map(({ id, status, devices, run_ids, heartbeat_at }) => (
            <tr>
              <th scope="row">{id}</th>
              <td>{status}</td>
              <td>
                {devices.map(({ name, backend, memory_bytes }) => (
                  <div>
                    {backend}: {name}
                    {memory_bytes !== null && `, ${bytes(memory_bytes)}`}
                  </div>
                ))}
              </td>
              <td>
                {run_ids.map((run) => (
                  <div>
                    <a href={`/runs/${run}`}>{run}</a>
                  </div>
                ))}
              </td>
              <td>{time(heartbeat_at)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
