// Where runs train: the device that a run gets here, and its limits.

import { bytes, number } from "./format.ts";
import { Page } from "./layout.tsx";

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
}

/** The page of the host's devices. */
export function DevicePage({ devices, auto, memory }: DeviceProps) {
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
