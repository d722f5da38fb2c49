/** Entry of the page about one upload. */
import './styles/desk.css';
import './desk/uploadPage';
import { keepPlaceOnLanguageChange, skipLinks } from './core/shell';

keepPlaceOnLanguageChange();
skipLinks();
